import { type ComponentChildren, type JSX, render } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { Library } from './library.ts'
import { type Action, List } from './list.tsx'
import {
  type Entry,
  entriesOf,
  foldersBelow,
  formatDuration,
  formatSize,
  freeName,
  nameFault,
  type Order,
} from './model.ts'
import { Preview } from './preview.tsx'

type Asked =
  | { readonly kind: 'new-folder' }
  | { readonly kind: 'rename'; readonly entry: Entry }
  | { readonly kind: 'move'; readonly entries: readonly Entry[] }
  | { readonly kind: 'help' }

function App(): JSX.Element {
  const [, redraw] = useReducer((count: number, _: unknown) => count + 1, 0)
  const [library] = useState(() => new Library(() => redraw(undefined)))
  useEffect(() => void library.start(), [library])
  // The address of the sign-in names the folder that is open.
  useEffect(() => {
    addEventListener('hashchange', redraw)
    return () => removeEventListener('hashchange', redraw)
  }, [])
  const { phase } = library
  if (phase === 'starting') return <Starting />
  if (phase !== 'ready') return <Welcome library={library} />
  return <Files library={library} />
}

/** Empty for 300 ms: most starts are faster, and a flash of a spinner looks slower than nothing. */
function Starting(): JSX.Element {
  return (
    <main class="welcome" aria-busy="true">
      <p class="later" role="status">
        Opening your files …
      </p>
    </main>
  )
}

const mintAddress = () => `/_edge/session?return=${encodeURIComponent(`/_edge/files/${location.hash}`)}`
const switchAddress = () => `/_edge/session/end?return=${encodeURIComponent(mintAddress())}`

function Welcome({ library }: { library: Library }): JSX.Element {
  const { phase, failure } = library
  if (phase === 'signed-out') {
    return (
      <Notice icon="folder" title="Your files">
        <p>Sign in to see your folders, upload files and open them.</p>
        <a class="button primary" href={mintAddress()}>
          Sign in
        </a>
      </Notice>
    )
  }
  if (phase === 'no-access') {
    return (
      <Notice icon="lock" title="No folder for this account">
        <p>{failure?.message ?? 'You are signed in, but this account has no folder here.'}</p>
        <a class="button primary" href={switchAddress()}>
          Switch account
        </a>
        <p class="quiet">Or ask whoever manages this service for access{failure ? ` (${failure.code})` : ''}.</p>
      </Notice>
    )
  }
  return (
    <Notice icon="cloud" title="The server cannot be reached">
      <p>{failure?.message}</p>
      <button type="button" class="primary" onClick={() => void library.start()}>
        Try again
      </button>
    </Notice>
  )
}

function Notice(props: { icon: string; title: string; children: ComponentChildren }): JSX.Element {
  return (
    <main class="welcome">
      <span class="badge">
        <Icon name={props.icon} />
      </span>
      <h1>{props.title}</h1>
      {props.children}
    </main>
  )
}

const readHash = () => {
  try {
    return decodeURIComponent(location.hash.slice(1))
  } catch {
    return ''
  }
}

function Files({ library }: { library: Library }): JSX.Element {
  const folders = library.me?.folders ?? []
  const [wanted, setWanted] = useState(readHash)
  const [query, setQuery] = useState('')
  const [order, setOrder] = useState<Order>({ by: 'name', descending: false })
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [asked, setAsked] = useState<Asked>()
  const [shown, setShown] = useState<string>()
  const [isDropping, setDropping] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)

  const root = folders.find(({ prefix }) => wanted.startsWith(prefix)) ?? folders[0]
  const rootPath = root?.prefix ?? ''
  const folder = wanted.startsWith(rootPath) ? wanted.slice(0, wanted.lastIndexOf('/') + 1) : rootPath
  const canWrite = root?.write ?? false

  useEffect(() => {
    const follow = () => {
      setWanted(readHash())
      setQuery('')
      setSelected(new Set())
    }
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  useEffect(() => void library.open(rootPath), [library, rootPath])
  useEffect(() => {
    document.title = `${folder.split('/').at(-2) ?? 'Files'} – Files`
  }, [folder])

  const go = (path: string) => {
    location.hash = encodeURI(path).replaceAll('#', '%23')
  }
  const visible = useMemo(
    () => [...library.assets.values()].filter(({ key }) => !library.hidden.has(key)),
    [library, library.version],
  )
  const entries = useMemo(() => entriesOf(visible, folder, query, order), [visible, folder, query, order])
  const used = useMemo(
    () => visible.reduce((sum, { key, size }) => (key.startsWith(rootPath) ? sum + size : sum), 0),
    [visible, rootPath],
  )
  const transfers = library.uploads.list.filter(({ key }) => {
    const rest = key.slice(folder.length)
    return key.startsWith(folder) && !rest.includes('/')
  })

  const add = (files: readonly { file: File; path: string }[]) => {
    if (!canWrite)
      return library.toast('This folder is read-only: you can open its files and not add to them.', 'error')
    library.uploads.add(files.map(({ file, path }) => ({ file, key: `${folder}${path}` })))
  }
  const act = (action: Action, targets: readonly Entry[]) => {
    const [first] = targets
    if (first === undefined) return
    if (action === 'open') {
      if (first.kind === 'folder') go(first.path)
      else setShown(first.path)
    } else if (action === 'link') void library.copyLink(first.path)
    else if (action === 'key') void navigator.clipboard.writeText(first.path).then(() => library.toast('Key copied.'))
    else if (!canWrite) library.toast('This folder is read-only: you can open its files and not change them.', 'error')
    else if (action === 'rename') setAsked({ kind: 'rename', entry: first })
    else if (action === 'move') setAsked({ kind: 'move', entries: targets })
    else {
      library.remove(
        targets.map(({ path }) => path),
        targets.length === 1 ? first.name : `${targets.length} items`,
      )
      setSelected(new Set())
    }
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const isTyping = target.closest('input, textarea, select, dialog') !== null
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
      const keys: Record<string, () => void> = {
        '/': () => search.current?.focus(),
        '?': () => setAsked({ kind: 'help' }),
        u: () => picker.current?.click(),
        n: () => canWrite && setAsked({ kind: 'new-folder' }),
        Backspace: () => folder !== rootPath && go(parentOf(folder)),
      }
      const run = keys[event.key]
      if (run === undefined) return
      event.preventDefault()
      run()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  })
  useDrop(setDropping, add)

  const isEmpty = entries.length === 0 && transfers.length === 0
  return (
    <div class="page">
      <header class="top">
        <span class="brand">
          <Icon name="folder" /> Files
        </span>
        <label class="search">
          <Icon name="search" />
          <input
            ref={search}
            type="search"
            placeholder={`Search in ${folder.split('/').at(-2) ?? ''}`}
            aria-label="Search in this folder"
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return
              setQuery('')
              event.currentTarget.blur()
            }}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <button
          type="button"
          class="icon"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => setAsked({ kind: 'help' })}
        >
          <Icon name="keyboard" />
        </button>
        <span class="who" title={`Signed in as ${library.me?.sub}`}>
          {library.me?.sub}
        </span>
        <button
          type="button"
          class="icon"
          aria-label="Sign out"
          title="Sign out"
          onClick={() => void library.signOut()}
        >
          <Icon name="out" />
        </button>
      </header>

      <nav class="folders" aria-label="My folders">
        <h2>My folders</h2>
        <ul>
          {folders.map(({ prefix, write }) => (
            <li key={prefix}>
              <a href={`#${encodeURI(prefix)}`} aria-current={prefix === rootPath ? 'page' : undefined}>
                <Icon name={write ? 'folder' : 'lock'} />
                <span>{prefix.slice(0, -1)}</span>
                {write ? null : <small>read-only</small>}
              </a>
            </li>
          ))}
        </ul>
        <p class="used">{library.loading === undefined ? `${formatSize(used)} used` : 'Counting …'}</p>
      </nav>

      <main class={`files${isDropping ? ' dropping' : ''}`}>
        <Banners library={library} canWrite={canWrite} folder={rootPath} />
        <div class="bar">
          <Breadcrumb folder={folder} root={rootPath} />
          {selected.size > 0 ? (
            <span class="selection">
              {selected.size} selected
              <button type="button" onClick={() => setSelected(new Set())}>
                Clear
              </button>
            </span>
          ) : null}
          {canWrite ? (
            <span class="actions">
              <button type="button" onClick={() => setAsked({ kind: 'new-folder' })}>
                <Icon name="plus" /> <span>New folder</span>
              </button>
              <button type="button" class="primary" onClick={() => picker.current?.click()}>
                <Icon name="up" /> <span>Upload</span>
              </button>
            </span>
          ) : null}
          <input
            ref={picker}
            hidden
            type="file"
            multiple
            aria-label="Choose files to upload"
            onChange={(event) => {
              add([...(event.currentTarget.files ?? [])].map((file) => ({ file, path: file.name })))
              event.currentTarget.value = ''
            }}
          />
        </div>
        {library.failure !== undefined && library.phase === 'ready' && entries.length === 0 ? (
          <div class="empty" role="alert">
            <h2>This folder could not be loaded</h2>
            <p>{library.failure.message}</p>
            <button type="button" onClick={() => void library.open(rootPath, true)}>
              Try again
            </button>
          </div>
        ) : isEmpty && library.loading === undefined ? (
          <Empty
            query={query}
            canWrite={canWrite}
            onPick={() => picker.current?.click()}
            onFolder={() => setAsked({ kind: 'new-folder' })}
          />
        ) : (
          <List
            entries={entries}
            transfers={query === '' ? transfers : []}
            isLoading={library.loading === 'first'}
            {...{ order, selected, canWrite, library, folder }}
            onOrder={setOrder}
            onSelect={setSelected}
            onAction={act}
            onPick={() => picker.current?.click()}
          />
        )}
        <p class="foot" role="status">
          {summary(entries, library)}
        </p>
        <div class="dropzone" aria-hidden="true">
          <Icon name="up" /> Drop to upload to {folder}
        </div>
      </main>

      <UploadBar library={library} />
      <div class="toasts" role="status">
        {library.toasts.list.map((toast) => (
          <div key={toast.id} class={`toast ${toast.tone}`}>
            <span>{toast.text}</span>
            {toast.action === undefined ? null : (
              <button
                type="button"
                onClick={() => {
                  library.toasts.dismiss(toast.id)
                  toast.action?.run()
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button type="button" class="icon" aria-label="Dismiss" onClick={() => library.toasts.dismiss(toast.id)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
      {shown === undefined ? null : (
        <Preview entries={entries} path={shown} onShow={setShown} onAction={act} canWrite={canWrite} />
      )}
      {asked === undefined ? null : (
        <Question
          asked={asked}
          library={library}
          folder={folder}
          root={rootPath}
          entries={entries}
          onClose={() => setAsked(undefined)}
        />
      )}
    </div>
  )
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/', path.length - 2) + 1)

function summary(entries: readonly Entry[], library: Library): string {
  if (library.loading === 'first') return ''
  const size = entries.reduce((sum, entry) => sum + entry.size, 0)
  const count = `${entries.length.toLocaleString()} ${entries.length === 1 ? 'item' : 'items'}`
  const more =
    library.loading === 'more' ? ', loading more …' : library.isTruncated ? ', the first of a larger folder' : ''
  return `${count}, ${formatSize(size)}${more}`
}

function Banners(props: { library: Library; canWrite: boolean; folder: string }): JSX.Element {
  const { library, canWrite, folder } = props
  return (
    <>
      {library.isSessionOver ? (
        <div class="banner warn" role="alert">
          <span>Your session has ended. The list stays as it is, and uploads wait.</span>
          <a class="button" href={mintAddress()}>
            Sign in again
          </a>
        </div>
      ) : null}
      {library.isOnline ? null : (
        <div class="banner warn" role="alert">
          <span>You are offline. You see what was loaded; uploads go on when the connection is back.</span>
        </div>
      )}
      {canWrite ? null : (
        <div class="banner">
          <Icon name="lock" />
          <span>
            <code>{folder}</code> is read-only for you: you can open and link its files. Ask its owner to change them.
          </span>
        </div>
      )}
    </>
  )
}

function Breadcrumb({ folder, root }: { folder: string; root: string }): JSX.Element {
  const parts = folder.slice(root.length).split('/').filter(Boolean)
  const crumbs = [{ name: root.slice(0, -1), path: root }]
  for (const name of parts) crumbs.push({ name, path: `${crumbs.at(-1)?.path}${name}/` })
  return (
    <nav class="crumbs" aria-label="Folder">
      <ol>
        {crumbs.map(({ name, path }) => (
          <li key={path}>
            <a
              href={`#${encodeURI(path).replaceAll('#', '%23')}`}
              aria-current={path === folder ? 'location' : undefined}
            >
              {name}
            </a>
            <span aria-hidden="true">/</span>
          </li>
        ))}
      </ol>
      <h1 class="unseen">{folder}</h1>
    </nav>
  )
}

function Empty(props: { query: string; canWrite: boolean; onPick(): void; onFolder(): void }): JSX.Element {
  if (props.query !== '') {
    return (
      <div class="empty">
        <h2>Nothing matches “{props.query}”</h2>
        <p>The search looks at the names of files in this folder and in those below it. Press Esc to clear it.</p>
      </div>
    )
  }
  if (!props.canWrite) {
    return (
      <div class="empty">
        <h2>Nothing here yet</h2>
        <p>Files that others add to this folder appear here.</p>
      </div>
    )
  }
  return (
    <div class="empty target">
      <span class="badge">
        <Icon name="up" />
      </span>
      <h2>Drop files here</h2>
      <p>Or choose them from this device. They stay private to the people who have access to this folder.</p>
      <span class="actions">
        <button type="button" class="primary" onClick={props.onPick}>
          Choose files
        </button>
        <button type="button" onClick={props.onFolder}>
          Create a folder
        </button>
      </span>
    </div>
  )
}

/** One progress for all uploads. */
function UploadBar({ library }: { library: Library }): JSX.Element | null {
  const { list: transfers } = library.uploads
  const speed = useRef({ at: 0, sent: 0, rate: 0 })
  const active = transfers.filter(({ state }) => state === 'sending' || state === 'waiting')
  if (active.length === 0) return null
  const sent = active.reduce((sum, one) => sum + one.sent, 0)
  const total = active.reduce((sum, one) => sum + one.size, 0)
  const now = performance.now()
  if (now - speed.current.at > 1000) {
    const rate = Math.max(0, (sent - speed.current.sent) / ((now - speed.current.at) / 1000))
    speed.current = { at: now, sent, rate: speed.current.rate === 0 ? rate : speed.current.rate * 0.6 + rate * 0.4 }
  }
  const { rate } = speed.current
  const percent = total === 0 ? 0 : Math.floor((sent / total) * 100)
  return (
    <section class="uploads" aria-label="Uploads">
      <strong>
        Uploading {active.length} {active.length === 1 ? 'file' : 'files'}
      </strong>
      <span class="quiet">
        {percent} % of {formatSize(total)}
        {rate > 0 && sent > 0 ? ` · ${formatSize(rate)}/s · ${formatDuration((total - sent) / rate)} left` : ''}
      </span>
      <button type="button" onClick={() => active.map((one) => library.uploads.cancel(one))}>
        Cancel
      </button>
      <progress aria-label="All uploads" value={sent} max={Math.max(1, total)} />
    </section>
  )
}

const shortcuts: readonly (readonly [string, string])[] = [
  ['↑ ↓ Home End', 'Move through the list'],
  ['Enter', 'Open a folder or a file'],
  ['Backspace', 'Go to the folder above'],
  ['Space', 'Select a row'],
  ['/', 'Search in this folder'],
  ['u', 'Upload files'],
  ['n', 'New folder'],
  ['r', 'Rename'],
  ['m', 'Move'],
  ['c', 'Copy a link'],
  ['Delete', 'Delete, with ten seconds to undo'],
  ['← →', 'Previous and next file in a preview'],
  ['Esc', 'Close, or clear the search'],
  ['?', 'Show these keys'],
]

function Question(props: {
  asked: Asked
  library: Library
  folder: string
  root: string
  entries: readonly Entry[]
  onClose(): void
}): JSX.Element {
  const { asked, library, folder, root, entries, onClose } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const [fault, setFault] = useState<string>()
  // Before the next key event: a key typed right after `r` belongs to the dialog, not to the list.
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const frame = (title: string, content: ComponentChildren, onSubmit?: (text: string) => void) => (
    <dialog ref={dialog} class="question" aria-label={title} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          const field = event.currentTarget.elements.namedItem('value') as HTMLInputElement | null
          onSubmit?.(field?.value ?? '')
        }}
      >
        <h2>{title}</h2>
        {content}
        {fault === undefined ? null : (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        <span class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {onSubmit === undefined ? 'Close' : 'Cancel'}
          </button>
          {onSubmit === undefined ? null : (
            <button type="submit" class="primary">
              {title.split(' ')[0] === 'New' ? 'Create' : title.split(' ')[0]}
            </button>
          )}
        </span>
      </form>
    </dialog>
  )
  const isTaken = (name: string) => entries.some((entry) => entry.name === name)
  if (asked.kind === 'help') {
    return frame(
      'Keyboard',
      <dl class="keys">
        {shortcuts.map(([keys, text]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>,
    )
  }
  if (asked.kind === 'move') {
    const targets = foldersBelow(library.assets.values(), root).filter(
      (path) => path !== folder && !asked.entries.some((entry) => path.startsWith(entry.path)),
    )
    const what = asked.entries.length === 1 ? `“${asked.entries[0]?.name}”` : `${asked.entries.length} items`
    return frame(
      `Move ${what}`,
      <label>
        To
        <select name="value">
          {targets.map((path) => (
            <option key={path} value={path}>
              {path}
            </option>
          ))}
        </select>
      </label>,
      (target) => {
        if (target === '') return setFault('There is no other folder here. Create one first.')
        onClose()
        for (const { path, name, kind } of asked.entries) {
          void library.move(
            path,
            `${target}${name.split('/').at(-1)}${kind === 'folder' ? '/' : ''}`,
            `Moved to ${target}`,
          )
        }
      },
    )
  }
  const isNew = asked.kind === 'new-folder'
  const before = isNew
    ? isTaken('New folder')
      ? freeName('New folder', isTaken)
      : 'New folder'
    : asked.entry.name.split('/').at(-1)
  return frame(
    isNew ? 'New folder' : `Rename “${before}”`,
    <label>
      Name
      <input name="value" defaultValue={before} autocomplete="off" spellcheck={false} onFocus={selectStem} />
    </label>,
    (name) => {
      const wrong =
        nameFault(name) ?? (name !== before && isTaken(name) ? `There is already a “${name}” here.` : undefined)
      if (wrong !== undefined) return setFault(wrong)
      onClose()
      if (isNew) void library.createFolder(`${folder}${name}/`).catch((error: unknown) => library.fail(error))
      else if (name !== before) {
        const { path, kind } = asked.entry
        const parent = parentOf(kind === 'folder' ? path : `${path}/`)
        void library.move(path, `${parent}${name}${kind === 'folder' ? '/' : ''}`, `Renamed to ${name}`)
      }
    },
  )
}

/** Selects the name without its ending, which is what people change. */
function selectStem({ currentTarget }: JSX.TargetedFocusEvent<HTMLInputElement>): void {
  const dot = currentTarget.value.lastIndexOf('.')
  currentTarget.setSelectionRange(0, dot > 0 ? dot : currentTarget.value.length)
}

/** Follows files that are dragged over the page, and reads dropped folders with everything in them. */
function useDrop(setDropping: (is: boolean) => void, add: (files: { file: File; path: string }[]) => void): void {
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setDropping(true)
    }
    const leave = (event: DragEvent) => event.relatedTarget === null && setDropping(false)
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setDropping(false)
      const items = [...(event.dataTransfer?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? [])
      void Promise.all(items.map((item) => filesOf(item))).then((found) => add(found.flat()))
    }
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
    }
  })
}

async function filesOf(entry: FileSystemEntry): Promise<{ file: File; path: string }[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ file, path: entry.fullPath.slice(1) }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: { file: File; path: string }[] = []
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (batch.length === 0) return found
    for (const child of batch) found.push(...(await filesOf(child)))
  }
}

const place = document.getElementById('app')
if (place !== null) render(<App />, place)
