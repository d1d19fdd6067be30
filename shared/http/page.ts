/**
 * The look of every small page: sign-in, signed in, no access, missing file. It is that of the Files page, which has a style sheet of its
 * own (`pages/files/style.css`). A page is one file without a script or a request, so its policy allows this one style by its hash.
 */
export const pageStyle =
  ':root{color-scheme:light dark;--bg:light-dark(#fff,#0d1117);--soft:light-dark(#f6f7f9,#151b23);--line:light-dark(#e2e5ea,#2a313c);' +
  '--text:light-dark(#1b1f24,#e6edf3);--quiet:light-dark(#5a6370,#9aa4b2);--accent:light-dark(#2557d6,#4c8dff);' +
  '--on:light-dark(#fff,#07101f);font:16px/24px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}' +
  'body{margin:0;background:var(--bg);color:var(--text)}main{max-width:32rem;margin:0 auto;padding:min(16vh,144px) 24px 48px}' +
  'svg{display:block;width:40px;height:40px;margin-bottom:24px}h1{margin:0 0 8px;font-size:24px;line-height:32px;text-wrap:balance}' +
  'p,ul,ol{margin:0 0 16px;color:var(--quiet)}ul,ol{padding-left:24px}a{color:var(--accent)}small{font:12px/16px ui-monospace,monospace}' +
  'code{padding:2px 4px;border-radius:4px;background:var(--soft);font:14px/20px ui-monospace,monospace;overflow-wrap:anywhere}' +
  '.actions{display:flex;flex-wrap:wrap;gap:8px;margin-top:24px}.actions>*,button{box-sizing:border-box;min-height:40px;padding:7px 16px;' +
  'border:1px solid var(--line);border-radius:8px;background:var(--bg);color:var(--text);font:inherit;text-decoration:none;cursor:pointer}' +
  '.actions>:first-child,button{border-color:var(--accent);background:var(--accent);color:var(--on);font-weight:600}' +
  'label{display:block;margin-bottom:16px}input{display:block;box-sizing:border-box;width:100%;height:40px;margin-top:4px;padding:0 12px;' +
  'border:1px solid var(--quiet);border-radius:8px;background:var(--bg);color:inherit;font:inherit}' +
  ':focus-visible{outline:2px solid var(--accent);outline-offset:2px}[hidden]{display:none}'

/** The mark of the Files page. */
export const pageMark =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6" fill="#2557d6"/><path d="M5 8.5A1.5 1.5 0 0 1 6.5 7H10l1.5 2h6A1.5 1.5 0 0 1 19 10.5v5A1.5 1.5 0 0 1 17.5 17h-11A1.5 1.5 0 0 1 5 15.5z" fill="#fff"/></svg>'

/** A link of a page that leads on. `href` must hold no quote: an address percent-encoded, or one of our own. */
export type PageAction = readonly [label: string, href: string]

/** Returns the row of links; the first of them stands out. `isFramed` opens them in a tab, as a sign-in shows in no frame. */
export function pageActions(actions: readonly PageAction[], isFramed = false): string {
  const target = isFramed ? ' target="_blank"' : ''
  return `<p class="actions">${actions.map(([label, href]) => `<a href="${href}"${target}>${label}</a>`).join('')}</p>`
}

/** Returns a page under one heading. `title` and `content` are HTML. */
export function htmlPage(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
${pageMark}
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`
}
