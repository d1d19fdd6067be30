import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { fileUrl, mint } from './api.ts'
import { Icon } from './icon.tsx'
import type { Action } from './list.tsx'
import { type Entry, formatSize, formatTime, kindOf } from './model.ts'

const maxTextBytes = 256 * 1024

interface PreviewProps {
  readonly entries: readonly Entry[]
  readonly path: string
  readonly canWrite: boolean
  onShow(path: string | undefined): void
  onAction(action: Action, targets: readonly Entry[]): void
}

/** Shows a file in a dialog; the arrow keys go to the next one. */
export function Preview({ entries, path, canWrite, onShow, onAction }: PreviewProps): JSX.Element | null {
  const dialog = useRef<HTMLDialogElement>(null)
  const files = entries.filter(({ kind }) => kind === 'file')
  const index = files.findIndex((entry) => entry.path === path)
  const entry = files[index]
  useLayoutEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    if (entry === undefined) onShow(undefined)
  })
  if (entry === undefined) return null
  const step = (by: number) => {
    const next = files[index + by]
    if (next !== undefined) onShow(next.path)
  }
  const name = entry.name.split('/').at(-1) ?? ''
  return (
    <dialog
      ref={dialog}
      class="preview"
      aria-label={name}
      onClose={() => onShow(undefined)}
      onKeyDown={(event) => {
        if ((event.target as HTMLElement).matches('video, audio')) return
        if (event.key === 'ArrowLeft') step(-1)
        if (event.key === 'ArrowRight') step(1)
      }}
    >
      <header>
        <h2 title={entry.path}>{name}</h2>
        <span class="quiet" title={formatTime(entry.modified)}>
          {formatSize(entry.size)}
        </span>
        <span class="tools">
          <button
            type="button"
            class="icon"
            aria-label="Previous file"
            title="Previous (←)"
            disabled={index === 0}
            onClick={() => step(-1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            class="icon"
            aria-label="Next file"
            title="Next (→)"
            disabled={index === files.length - 1}
            onClick={() => step(1)}
          >
            <Icon name="right" />
          </button>
          <button type="button" onClick={() => onAction('link', [entry])}>
            Copy a link
          </button>
          <a class="button" href={fileUrl(entry.path)} download={name}>
            Download
          </a>
          {canWrite ? (
            <button type="button" class="delete" onClick={() => onAction('delete', [entry])}>
              Delete
            </button>
          ) : null}
          <button
            type="button"
            class="icon"
            aria-label="Close"
            title="Close (Esc)"
            onClick={() => dialog.current?.close()}
          >
            <Icon name="close" />
          </button>
        </span>
      </header>
      <Content key={entry.path} entry={entry} name={name} />
    </dialog>
  )
}

function Content({ entry, name }: { entry: Entry; name: string }): JSX.Element {
  const [attempt, setAttempt] = useState(0)
  const [isBroken, setBroken] = useState(false)
  const url = fileUrl(entry.path)
  const kind = kindOf(name)
  // The cookies may have expired: renew them once, then try again.
  const onError = () => {
    if (attempt > 0) return setBroken(true)
    mint().then(
      () => setAttempt(1),
      () => setBroken(true),
    )
  }
  if (isBroken)
    return (
      <NoPreview
        url={url}
        name={name}
        why="This file could not be shown. It may be damaged, of another type than its name says, or no longer there."
      />
    )
  if (kind === 'image') return <img key={attempt} class="content" src={url} alt={name} onError={onError} />
  if (kind === 'video')
    return <video key={attempt} class="content" src={url} controls playsInline aria-label={name} onError={onError} />
  if (kind === 'audio') {
    return (
      <div class="content center">
        <audio key={attempt} src={url} controls aria-label={name} onError={onError} />
      </div>
    )
  }
  if (kind === 'pdf') return <iframe class="content" src={url} title={name} />
  if (kind === 'text') return <Text url={url} size={entry.size} name={name} />
  return <NoPreview url={url} name={name} why="There is no preview for this type of file." />
}

function NoPreview({ url, name, why }: { url: string; name: string; why: string }): JSX.Element {
  return (
    <div class="content center">
      <span class="badge">
        <Icon name="other" />
      </span>
      <p>{why}</p>
      <a class="button primary" href={url} download={name}>
        Download {name}
      </a>
    </div>
  )
}

/** The beginning of a text, read by a range. */
function Text({ url, size, name }: { url: string; size: number; name: string }): JSX.Element {
  const [text, setText] = useState<string>()
  const [isBroken, setBroken] = useState(false)
  useEffect(() => {
    const read = async () => {
      if (size === 0) return ''
      const headers = { range: `bytes=0-${maxTextBytes - 1}` }
      let response = await fetch(url, { headers })
      if (response.status === 401 || response.status === 403) {
        await mint()
        response = await fetch(url, { headers })
      }
      if (!response.ok) throw new Error(String(response.status))
      return new TextDecoder().decode(await response.arrayBuffer())
    }
    read().then(setText, () => setBroken(true))
  }, [url, size])
  if (isBroken)
    return (
      <NoPreview url={url} name={name} why="This file could not be read. Check the connection, then open it again." />
    )
  return (
    <div class="content text" tabIndex={0} role="region" aria-label="Text">
      <pre>{text}</pre>
      {size > maxTextBytes ? (
        <p class="quiet">
          The first {formatSize(maxTextBytes)} of {formatSize(size)}. Download the file to see the rest.
        </p>
      ) : null}
    </div>
  )
}
