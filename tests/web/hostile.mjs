// Strings that have been used, or could be, to make a reader see something else than what is there:
// made from code points and a few frames, the same in each run. And the way back from what a page
// shows to the string, written without looking at how the server writes it.

const at = (point) => String.fromCodePoint(point);
const span = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const hex = (point) => point.toString(16).toUpperCase().padStart(4, "0");

/** What can be done to a sentence with one character in it. */
const frames = (point) => `pay${at(point)}100 EUR${at(point)}to ana${at(point)}`;

const SINGLE = {
  control: [...span(0x00, 0x1f), ...span(0x7f, 0x9f)],
  bidi: [0x061c, 0x200e, 0x200f, ...span(0x202a, 0x202e), ...span(0x2066, 0x2069), ...span(0x206a, 0x206f)],
  invisible: [
    0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, ...span(0x180b, 0x180f), 0x200b, 0x200c, 0x200d,
    ...span(0x2060, 0x2065), 0x3164, 0xfeff, 0xffa0, 0xfff0, ...span(0xfff9, 0xfffd), 0x1bca0, 0x1d173, 0x1d159,
  ],
  blank: [0x00a0, 0x1680, ...span(0x2000, 0x200a), 0x2028, 0x2029, 0x202f, 0x205f, 0x2800, 0x3000],
  selector: [...span(0xfe00, 0xfe0f), 0xe0100, 0xe0101, 0xe01ef],
  tag: [0xe0000, 0xe0001, 0xe0020, 0xe0041, 0xe007f],
  private: [0xe000, 0xf8ff, 0xf0000, 0xffffd, 0x100000, 0x10fffd],
  none: [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1fffe, 0x1ffff, 0x3ffff, 0xdffff, 0x10fffe, 0x10ffff],
  unassigned: [0x0378, 0x05ff, 0x0e3b, 0x1cff, 0x2fe0, 0x1fdff, 0x3fff0, 0x40000],
};

const FLOODS = [
  ["e", 0x301], ["e", 0x336], ["a", 0x20dd], ["x", 0x1dc0], ["o", 0xfe20], ["\u0437", 0x488],
  ["\u0e01", 0xe47], ["\u0e01", 0xe49], ["\u0915", 0x941], ["\u05d0", 0x5b8], ["\u0627", 0x64b], ["\u0f40", 0xf71],
  ["\u1000", 0x102d], ["\u0d15", 0xd41], ["\ud808\udc00", 0x16f51], ["n", 0x1e8d0],
];

const MARKUP = [
  "<script>document.title='owned'</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</script>",
  "\"><img src=x onerror=\"document.title='owned'\">", "'><img src=`x` onerror=alert(1)>", "<img src=https://evil.example/p.gif>",
  "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<iframe srcdoc='<script>parent.document.title=1</script>'>",
  "<a href=javascript:alert(1)>here</a>", "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>", "<form action=//evil.example><button>Approve",
  "<input autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>", "</textarea></pre></h1><b onclick=alert(1)>x</b>",
  "</title><script>alert(1)</script>", "</option></select><img src=x onerror=alert(1)>", "</style><script>alert(1)</script>", "--><script>alert(1)</script><!--",
  "<![CDATA[<script>alert(1)</script>]]>", "<?xml version='1.0'?><x/>", "<!DOCTYPE html><html>", "<base href=//evil.example/>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>", "<link rel=stylesheet href=//evil.example/x.css>", "<style>*{display:none}</style>",
  "<div style='position:fixed;inset:0;background:url(//evil.example)'>", "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>",
  "<object data=//evil.example>", "<embed src=//evil.example>", "<template><script>alert(1)</script></template>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
  "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><use href='data:image/svg+xml,<svg id=x/>#x'/></svg>", "<svg><animate onbegin=alert(1) attributeName=x>",
  "<svg><foreignObject><iframe src=//evil.example></foreignObject></svg>", "<svg><style><img src=x onerror=alert(1)></style></svg>", "<math><mtext><img src=x onerror=alert(1)>",
  "<math href=javascript:alert(1)>x</math>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;b&#62; &#x3c;i&#x3e; &nbsp; &amp;amp; &bsol;", "<b>bold</b><br><hr>",
  "\"onmouseover=\"alert(1)\" x=\"", "' onfocus='alert(1)' autofocus '", "`${alert(1)}`", "<x onclick=alert(1)>click</x>", "<p hidden>", "<dialog open>sure?</dialog>",
  "<!--", "<", ">", "\"", "'", "&", "<plaintext>", "<xmp>", "<button form=decide name=decision value=approve>", "\u2028<script>\u2029",
];

const WORDS = [
  // Markdown, chat, mail.
  "**bold** _it_ `code` ~~no~~", "[click](https://evil.example)", "![x](https://evil.example/p.gif)", "[x]: javascript:alert(1)", "# Heading\n> quote\n- item",
  "```\nfence\n```", "<https://evil.example|good>", "<!channel> <@U123> @everyone", "&lt;!here&gt;", "\\*escaped\\*", "| a | b |\n|---|---|", "[link]: <javascript:alert(1)> 'x'",
  "https://evil.example/\"onclick=alert(1)", "Subject: ok\r\nBcc: all@evil.example", "/approve apr_00000000000000000000000000",
  // Templates, shells, databases, formats.
  "{{ 7*7 }}", "{% raw %}{{ x }}{% endraw %}", "${7*7} #{7*7} *{7*7}", "<%= 7*7 %>", "{{constructor.constructor('alert(1)')()}}", "[[${7*7}]]", "@{7*7}", "%{7*7}", "{{#each this}}", "{php}echo 1{/php}",
  "'; DROP TABLE approvals; --", "1 OR 1=1", "$(rm -rf /)", "`id`", "; cat /etc/passwd #", "| tee /etc/x", "\\u003cscript\\u003e", "\\x3cscript\\x3e", "%3Cscript%3E", "%0d%0aSet-Cookie: x=y", "../../../etc/passwd", "..\\..\\windows",
  "=1+1", "=HYPERLINK(\"https://evil.example\",\"x\")", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "=cmd|'/c calc'!A0", "%s %n %x", "a,b;c\td\"e\"",
  // Addresses.
  "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html;base64,PHNjcmlwdD4=", "vbscript:x", "file:///etc/passwd", "blob:https://x", "https://good.com@evil.com/", "https://good.com%2F@evil.com", "https:\\\\good.com@evil.com", "//evil.example/%2e%2e",
  "https://xn--pypal-4ve.com", "https://\u0440\u0430\u0443.com/x", "https://evil.example/?q=\u202egpj.exe", "http://[::ffff:127.0.0.1]:80/", "mailto:a@b?subject=x&body=y", "tel:+1900", "https://example.com/#:~:text=x", "https://user:pass@host.example", "ftp://evil.example",
  // Look-alikes.
  "p\u0430ypal.com", "\u0440\u0430\u0443\u0440\u0430l", "gr\u03b5\u03b5n", "\ud835\udc1adm\ud835\udc22n", "\uff41dmin", "\u13aaoogle", "ex\u0430mple", "l\u04cfve", "\u0131stanbul", "rn\u217f", "1l|I\u01c0\u2223", "O0\u041e\u039f", "caf\u00e9 cafe\u0301", "\ufb01le", "\u00b5\u03bc", "\u2126\u03a9", "\u212a", "\u037e;", "\u2215\u2044/", "\u3002.", "\uff0e.", "\u05f4\"", "\u2010-\u2011\u2212",
  // The page's own words and signs.
  "END OF THE AGENT'S OWN WORDS\n\nWHO ASKS\nKey: \"ceo\"", "Approved by CISO \u2705", "\u2423\u21e5\u23ce", "<U+202E> typed by hand", "<U+> <U+XYZ> <U+110000>", "! a warning", "\u2502 a bar", "\"quoted\" \\ back", "(4,000 characters, 2 lines): x", "\n\nPolicy: none", "System Administrator \u2713 Verified", "Approved \u00b7 2 of 2", "[0]: x", "null", "true", "-0",
  // Right to left, and numbers beside it.
  "\u05d0\u05d1\u05d2 100 \u05d3 200", "pay 100 \u05d0 200 EUR", "\u0645\u0631\u062d\u0628\u0627 12.50 USD", "\u0661\u0662\u0663 + \u06f1\u06f2", "a\u05d0(b)[c]{d}<e>", "\u07c1\u07c2 N'Ko", "\ud83b\ude00 math", "\u05d0/\u05d1/\u05d2/etc", "\ufdfa \ufdfd", "rm -rf \u05d0 ./tmp /",
  // Space.
  "ls ", " ls", "a  b", "a\tb", "crlf\r\nend", "cr\rover", "\n\nx\n\n", "x\u000bvt\u000cff", "  x  ",
  // Emoji that are several characters, flags, keycaps.
  "\u26a0\ufe0f", "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67", "\ud83c\udde9\ud83c\uddea", "1\ufe0f\u20e3", "\ud83c\udff4\u{e0067}\u{e0062}\u{e007f}", "\ud83d\udc4d\ud83c\udfff",
  // Terminals.
  "\u001b[31mred\u001b[0m", "\u001b[2J\u001b[H", "\u001b]0;title\u0007", "\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007", "\u001b]52;c;cm0gLXJmIC8=\u0007", "\u001bP+q544e\u001b\\", "\u001b[6n", "\u001b[?1049h", "\u001b[8mhidden\u001b[28m", "\u001b(0lqk\u001b(B", "\u009b31m", "\u009d0;x\u009c", "\u0090x\u009c", "a\b\b\bdone", "\u001bc", "\u001b[1A\u001b[2K", "\u001b[99999;99999H", "\u001b[38;2;0;0;0;48;2;0;0;0mx", "\u001b#8", "\u000e\u000f",
];

const long = (unit, count) => unit.repeat(count);
const BULK = [
  long("QUJD", 75), long("W", 300), long("i", 300), long("\u4e16", 300), long("\ufdfd", 100), long("\u{12031}", 100), long("a-", 150), long("a.b", 100), long("/x", 150), long("\u0e01\u0e33", 100), long("&", 300), long("<", 300),
  `ls\n${long("\n", 200)}rm -rf /`, `${long("\n", 290)}x`, `${long("\r\n", 140)}x`, `${long("\n ", 140)}x`, `${long(" ", 290)}x`, `ok${long("\u2028", 200)}no`, `ok${long("\u000b", 200)}no`, `${long("\t", 250)}x`, `a${long("\u3000", 250)}b`, `x${long("\u200b", 250)}`,
  `a${long("\u202e", 60)}b`, `x${long("\u2066", 130)}y`, long("\u202d\u202e", 60),
];

/** Every string once. `kind` is what it is about. */
export function hostile() {
  const all = [];
  for (const [kind, points] of Object.entries(SINGLE)) {
    for (const point of points) all.push({ kind, text: frames(point) });
  }
  const secret = [..."approve"].map((c) => at(0xe0000 + c.codePointAt(0))).join("");
  all.push({ kind: "tag", text: `fine${secret}` });
  for (const [base, mark] of FLOODS) {
    all.push({ kind: "flood", text: `up${base}${at(mark).repeat(40)}down` });
    all.push({ kind: "flood", text: `${at(mark)}${base}${at(mark)}` });
  }
  for (const text of MARKUP) all.push({ kind: "markup", text });
  for (const text of WORDS) all.push({ kind: "words", text });
  for (const text of BULK) all.push({ kind: "bulk", text });
  return all;
}

/** The string behind what a page shows of it, lines joined. */
export function readBack(shown) {
  return shown.replaceAll(/<U\+([0-9A-F]{4,6})>|[\u2423\u21e5\u23ce]/g, (sign, point) => {
    if (point) return at(Number.parseInt(point, 16));
    return { "\u2423": " ", "\u21e5": "\t", "\u23ce": "\n" }[sign];
  });
}

/** What no page and no terminal may hold as it is: it has no ink, moves its neighbours, or means
    nothing. From Unicode's own properties, and not from the server's tables. A mark of a script
    that needs marks is fine on its letter; a pile of them is not. */
export const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\ufffc\ufffd]|[^\S\n ]|[\p{Mn}\p{Me}]{4}|[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]/u;

/** Where a text holds such a thing, in words; nothing where it does not. */
export function unseen(text) {
  const found = UNSEEN.exec(text.replaceAll("\n", ""));
  if (!found) return null;
  const points = [...found[0]].map((c) => `U+${hex(c.codePointAt(0))}`);
  return `${points.join(" ")} in ${JSON.stringify(text.slice(Math.max(0, found.index - 40), found.index + 40))}`;
}
