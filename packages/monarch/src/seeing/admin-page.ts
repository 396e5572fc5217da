import { ADMIN_SCRIPT } from './admin-script.ts';
import { ADMIN_STYLE } from './admin-style.ts';

/** The live page, whose style and script carry `nonce`. It asks for nothing but `/v1/tree`. */
export function adminPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>forge</title>
<style nonce="${nonce}">${ADMIN_STYLE}</style>
</head>
<body>
<header>
<h1><span id="live"></span>forge</h1>
<dl id="totals"></dl>
<input id="filter" type="search" placeholder="filter by name" aria-label="filter by name">
</header>
<p id="notice" hidden></p>
<main id="hosts"></main>
<section id="failures"></section>
<script nonce="${nonce}">${ADMIN_SCRIPT}</script>
</body>
</html>
`;
}
