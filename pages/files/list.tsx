import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import type { Library } from './library.ts'
import { type Entry, formatAge, formatSize, formatTime, freeName, kindOf, type Order } from './model.ts'
import type { Transfer } from './uploads.ts'

/** What can be done with rows. */
export type Action = 'open' | 'link' | 'key' | 'rename' | 'move' | 'delete'

interface ListProps {
  readonly entries: readonly Entry[]
  readonly transfers: readonly Transfer[]
  readonly isLoading: boolean
  readonly order: Order
  readonly selected: ReadonlySet<string>
  readonly canWrite: boolean
  readonly library: Library
  readonly folder: string
  onOrder(order: Order): void
  onSelect(selected: ReadonlySet<string>): void
  onAction(action: Action, targets: readonly Entry[]): void
  onPick(): void
}

const rowHeight = 40
const keyActions: Readonly<Record<string, Action>> = {
  Enter: 'open',
  r: 'rename',
  F2: 'rename',
  m: 'move',
  c: 'link',
  Delete: 'delete',
}

/**
 * A windowed grid: only the rows in view are in the document, so a folder of 10,000 files scrolls as one of ten. One row has the
 * focus (roving tabindex), and the arrow keys move it.
 */
export function List(props: ListProps): JSX.Element {
  const { entries, transfers, order, selected } = props
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 800 })
  const [current, setCurrent] = useState(0)
  const isMoving = useRef(false)

  useLayoutEffect(() => {
    const measure = () => {
      const element = box.current
      if (element !== null) setView({ top: element.scrollTop, height: element.clientHeight })
    }
    measure()
    const observer = new ResizeObserver(measure)
    if (box.current !== null) observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    setCurrent(0)
    box.current?.scrollTo(0, 0)
  }, [props.folder])
  useLayoutEffect(() => {
    if (!isMoving.current) return
    isMoving.current = false
    box.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus({ preventScroll: true })
  })

  const first = Math.max(0, Math.floor(view.top / rowHeight) - 8)
  const last = Math.min(entries.length, Math.ceil((view.top + view.height) / rowHeight) + 8)
  const active = Math.min(current, entries.length - 1)
  const targets = (entry: Entry) =>
    selected.has(entry.path) ? entries.filter(({ path }) => selected.has(path)) : [entry]
  const toggle = ({ path }: Entry) => {
    const next = new Set(selected)
    if (!next.delete(path)) next.add(path)
    props.onSelect(next)
  }
  const moveTo = (index: number) => {
    const to = Math.max(0, Math.min(entries.length - 1, index))
    const element = box.current
    if (element !== null) {
      const above = to * rowHeight
      if (above < element.scrollTop) element.scrollTop = above
      else if (above + 2 * rowHeight > element.scrollTop + element.clientHeight) {
        element.scrollTop = above + 2 * rowHeight - element.clientHeight
      }
      setView({ top: element.scrollTop, height: element.clientHeight })
    }
    isMoving.current = true
    setCurrent(to)
  }
  const onKeyDown = (event: JSX.TargetedKeyboardEvent<HTMLElement>) => {
    if ((event.target as HTMLElement).dataset.index === undefined || event.ctrlKey || event.metaKey) return
    const entry = entries[active]
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1)
    const steps: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      Home: 0,
      End: entries.length,
      PageDown: active + page,
      PageUp: active - page,
    }
    const step = steps[event.key]
    const action = keyActions[event.key]
    if (step !== undefined) moveTo(step)
    else if (entry === undefined) return
    else if (event.key === ' ') toggle(entry)
    else if (action !== undefined && !(action === 'link' && entry.kind === 'folder'))
      props.onAction(action, targets(entry))
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  const column = (by: Order['by'], label: string) => (
    <span
      role="columnheader"
      class={`c-${by}`}
      aria-sort={order.by !== by ? 'none' : order.descending ? 'descending' : 'ascending'}
    >
      <button type="button" onClick={() => props.onOrder({ by, descending: order.by === by && !order.descending })}>
        {label}
        <span class="arrow" aria-hidden="true">
          {order.by === by ? (order.descending ? '↓' : '↑') : ''}
        </span>
      </button>
    </span>
  )
  const now = Date.now()
  return (
    <div
      class="list"
      role="grid"
      aria-label="Files"
      aria-rowcount={entries.length + 1}
      aria-multiselectable="true"
      aria-busy={props.isLoading}
    >
      <div role="rowgroup">
        <div class="row head" role="row" aria-rowindex={1}>
          {column('name', 'Name')}
          {column('size', 'Size')}
          {column('modified', 'Modified')}
          <span role="columnheader" class="c-more">
            <span class="unseen">Actions</span>
          </span>
        </div>
      </div>
      {transfers.length === 0 ? null : (
        <div role="rowgroup" class="transfers">
          {transfers.map((transfer) => (
            <TransferRow key={transfer.id} transfer={transfer} {...props} />
          ))}
        </div>
      )}
      <div
        ref={box}
        class="rows"
        role="rowgroup"
        onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
      >
        {props.isLoading ? <Skeleton /> : null}
        <svg class="space" aria-hidden="true" width="1" height={entries.length * rowHeight} />
        {entries.slice(first, last).map((entry, offset) => {
          const index = first + offset
          const isSelected = selected.has(entry.path)
          return (
            <div
              key={entry.path}
              class={`row${isSelected ? ' selected' : ''}`}
              role="row"
              data-index={index}
              aria-rowindex={index + 2}
              aria-selected={isSelected}
              tabIndex={index === active ? 0 : -1}
              ref={(element) => {
                if (element !== null) element.style.transform = `translateY(${index * rowHeight}px)`
              }}
              onKeyDown={onKeyDown}
              onFocus={() => setCurrent(index)}
              onClick={(event) => {
                if ((event.target as HTMLElement).closest('button') !== null) return
                if (event.ctrlKey || event.metaKey || event.shiftKey) toggle(entry)
                else props.onAction('open', [entry])
              }}
            >
              <span role="gridcell" class="c-name" title={entry.name}>
                <Icon name={entry.kind === 'folder' ? 'folder' : kindOf(entry.name)} />
                <span>{entry.name}</span>
              </span>
              <span role="gridcell" class="c-size">
                {entry.kind === 'folder'
                  ? `${entry.count.toLocaleString()} ${entry.count === 1 ? 'file' : 'files'}`
                  : formatSize(entry.size)}
              </span>
              <span role="gridcell" class="c-modified">
                <time dateTime={new Date(entry.modified).toISOString()} title={formatTime(entry.modified)}>
                  {formatAge(entry.modified, now)}
                </time>
              </span>
              <span role="gridcell" class="c-more">
                <Menu
                  entry={entry}
                  isFocusable={index === active}
                  canWrite={props.canWrite}
                  onAction={(action) =>
                    props.onAction(action, action === 'delete' || action === 'move' ? targets(entry) : [entry])
                  }
                />
              </span>
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** Grey bars after 300 ms, in the place of the rows: nothing moves when they arrive. */
function Skeleton(): JSX.Element {
  return (
    <div class="skeleton later" aria-hidden="true">
      {[60, 40, 52, 30, 44].map((width) => (
        <svg key={width} width={`${width}%`} height="8">
          <rect width="100%" height="8" rx="4" />
        </svg>
      ))}
    </div>
  )
}

const labels: ReadonlyArray<readonly [Action, string, 'always' | 'file' | 'write']> = [
  ['open', 'Open', 'always'],
  ['link', 'Copy a link', 'file'],
  ['key', 'Copy the key', 'always'],
  ['rename', 'Rename', 'write'],
  ['move', 'Move', 'write'],
  ['delete', 'Delete', 'write'],
]

function Menu(props: {
  entry: Entry
  isFocusable: boolean
  canWrite: boolean
  onAction(action: Action): void
}): JSX.Element {
  const { entry, canWrite } = props
  const [isOpen, setOpen] = useState(false)
  const menu = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => {
    const element = menu.current
    const anchor = opener.current?.getBoundingClientRect()
    if (!isOpen || element === null || anchor === undefined) return
    element.showPopover()
    const { offsetHeight, offsetWidth } = element
    const fits = anchor.bottom + offsetHeight + 8 < innerHeight
    element.style.top = `${fits ? anchor.bottom : anchor.top - offsetHeight}px`
    element.style.left = `${Math.max(8, anchor.right - offsetWidth)}px`
    element.querySelector('button')?.focus()
  }, [isOpen])
  const choose = (action: Action) => {
    menu.current?.hidePopover()
    opener.current?.focus()
    props.onAction(action)
  }
  const onKeyDown = (event: JSX.TargetedKeyboardEvent<HTMLElement>) => {
    event.stopPropagation()
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (event.key === 'Tab' || event.key === 'Escape') {
      menu.current?.hidePopover()
      opener.current?.focus()
    }
    if (step === 0) return
    event.preventDefault()
    const items = [...(menu.current?.querySelectorAll('button') ?? [])]
    const at = items.indexOf(document.activeElement as HTMLButtonElement)
    items[(at + step + items.length) % items.length]?.focus()
  }
  return (
    <>
      <button
        ref={opener}
        type="button"
        class="icon"
        tabIndex={props.isFocusable ? 0 : -1}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-label={`Actions for ${entry.name}`}
        onClick={() => setOpen(true)}
      >
        <Icon name="more" />
      </button>
      {isOpen ? (
        <div
          ref={menu}
          class="menu"
          role="menu"
          popover="auto"
          aria-label={entry.name}
          onToggle={(event) => event.newState === 'closed' && setOpen(false)}
          onKeyDown={onKeyDown}
        >
          {labels
            .filter(([, , when]) => when === 'always' || (when === 'file' ? entry.kind === 'file' : canWrite))
            .map(([action, label]) => (
              <button key={action} type="button" role="menuitem" class={action} onClick={() => choose(action)}>
                {label}
              </button>
            ))}
        </div>
      ) : null}
    </>
  )
}

function TransferRow(props: ListProps & { transfer: Transfer }): JSX.Element {
  const { transfer, library, entries } = props
  const name = transfer.key.split('/').at(-1) ?? ''
  const isTaken = transfer.error?.code === 'ERR_ASSET_EXISTS'
  const keepBoth = () => {
    const { file } = transfer
    const other = freeName(name, (candidate) => entries.some((entry) => entry.name === candidate))
    library.uploads.cancel(transfer)
    if (file !== undefined) library.uploads.add([{ file, key: `${props.folder}${other}` }])
  }
  const percent = transfer.size === 0 ? 0 : Math.floor((transfer.sent / transfer.size) * 100)
  return (
    <div class={`row transfer ${transfer.state}`} role="row">
      <span role="gridcell" class="c-name" title={name}>
        <Icon name={kindOf(name)} />
        <span>{name}</span>
      </span>
      <span role="gridcell" class="c-state">
        {transfer.state === 'sending' || transfer.state === 'waiting' ? (
          <>
            <progress aria-label={`Upload of ${name}`} value={transfer.sent} max={Math.max(1, transfer.size)} />
            <span>{transfer.state === 'waiting' ? 'Waiting' : `${percent} %`}</span>
          </>
        ) : (
          <span class="why">
            {transfer.state === 'interrupted'
              ? 'Interrupted. Choose the same file to go on.'
              : isTaken
                ? 'There is already a file of this name.'
                : transfer.error?.message}
          </span>
        )}
        {transfer.state === 'interrupted' ? (
          <button type="button" onClick={props.onPick}>
            Choose file
          </button>
        ) : null}
        {transfer.state === 'failed' && !isTaken ? (
          <button type="button" onClick={() => library.uploads.retry(transfer)}>
            Retry
          </button>
        ) : null}
        {isTaken ? (
          <>
            <button type="button" onClick={keepBoth}>
              Keep both
            </button>
            <button type="button" onClick={() => library.uploads.retry(transfer, true)}>
              Replace
            </button>
          </>
        ) : null}
      </span>
      <span role="gridcell" class="c-more">
        <button
          type="button"
          class="icon"
          aria-label={`Cancel the upload of ${name}`}
          onClick={() => library.uploads.cancel(transfer)}
        >
          <Icon name="close" />
        </button>
      </span>
    </div>
  )
}
