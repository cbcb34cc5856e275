"""The page behind /docs: reads /openapi.json and shows it. One page, its own few lines of script, nothing from
elsewhere; the policy lets the browser run exactly these lines and ask only this service."""

from __future__ import annotations

import base64
import hashlib

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { border-top: 1px solid; margin-top: 2rem; padding-top: 1rem; font-size: 1.1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid; padding: .25rem .5rem; text-align: left; vertical-align: top; }
summary { cursor: pointer; }
""".strip()

_SCRIPT = """
'use strict';
const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
};
const table = (heads, rows) => element('table', '',
  element('thead', '', element('tr', '', ...heads.map(head => element('th', head)))),
  element('tbody', '', ...rows.map(row => element('tr', '', ...row.map(cell => element('td', cell))))));
const folded = (title, value) => element('details', '', element('summary', title),
  element('pre', JSON.stringify(value, null, 2)));
const scopes = operation => (operation.security || []).flatMap(one => Object.values(one).flat());

function show(path, method, operation, api) {
  const part = element('section', '', element('h2', `${method.toUpperCase()} ${path}`));
  part.id = operation.operationId;
  const need = scopes(operation).join(' ');
  part.append(element('p', `${operation.summary}. ${operation.description || ''}`));
  part.append(element('p', `${operation.operationId} — ${need ? 'scope ' + need : 'open'}`));
  if ((operation.parameters || []).length) part.append(table(['parameter', 'in', 'required', 'meaning'],
    operation.parameters.map(one => [one.name, one.in, one.required ? 'yes' : 'no', one.description || ''])));
  for (const [type, content] of Object.entries((operation.requestBody || {}).content || {})) {
    part.append(folded(`body: ${type}`, content.schema));
    for (const [name, example] of Object.entries(content.examples || {}))
      part.append(folded(`example: ${name}`, example.value));
  }
  part.append(table(['status', 'meaning', 'media types'], Object.entries(operation.responses).map(
    ([status, answer]) => [status, answer.description, Object.keys(answer.content || {}).join(', ')])));
  return part;
}

async function main() {
  const page = document.getElementById('page');
  const api = await (await fetch('openapi.json')).json();
  page.replaceChildren(element('p', `${api.info.title} ${api.info.version} — ${api.info.description}`));
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(methods)) page.append(show(path, method, operation, api));
  page.append(element('h2', 'Schemas'));
  for (const [name, schema] of Object.entries(api.components.schemas)) page.append(folded(name, schema));
}
main().catch(error => { document.getElementById('page').textContent = `The document could not be read: ${error}`; });
""".strip()


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


#: Content-Security-Policy of the page.
POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HTML = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pbx-bridge: the API</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>The API</h1>
<p>The same as a file: <a href="openapi.json">openapi.json</a></p>
<main id="page">Reading the document…</main>
<script>{_SCRIPT}</script>
</body>
</html>
"""
