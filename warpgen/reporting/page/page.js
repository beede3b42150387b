"use strict";
// The browser of rows. Texts enter the page as text nodes only, never as markup.
const rows = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const MOST = 400;
let chosen = null, texts = null, part = "forward";

const WORDS = {
  python: "False|None|True|and|as|assert|break|class|continue|def|elif|else|for|from|if|import|in|is|lambda|not|or|pass|return|while|with|yield",
  cpp: "alignas|auto|bool|break|case|const|constexpr|continue|double|else|extern|false|float|for|if|inline|int|namespace|nullptr|return|size_t|sizeof|static|static_cast|struct|switch|template|true|typename|unsigned|using|void|while|__global__|__device__|__shared__|__launch_bounds__|half|int32_t|uint32_t",
};
// One expression a language; the name of the group that matches is the class of the span.
const GRAMMAR = {
  python: new RegExp([
    "(?<c>#[^\\n]*)", "(?<s>\"\"\"[^]*?\"\"\"|'''[^]*?'''|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])*')",
    "(?<d>@[\\w.]+)", `(?<k>\\b(?:${WORDS.python})\\b)`, "(?<w>\\bwp\\.\\w+)", "(?<n>\\b\\d[\\w.]*)",
    "(?<f>(?<=\\bdef |\\bclass )\\w+)",
  ].join("|"), "g"),
  cpp: new RegExp([
    "(?<c>//[^\\n]*|/\\*[^]*?\\*/)", "(?<s>\"(?:\\\\.|[^\"\\\\\\n])*\")", "(?<d>^[ \\t]*#[^\\n]*)",
    `(?<k>\\b(?:${WORDS.cpp})\\b)`, "(?<w>\\bwp::\\w+)", "(?<v>\\b(?:var|adj)_\\w+)", "(?<n>\\b\\d[\\w.]*)",
  ].join("|"), "gm"),
};

function element(tag, text, css) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (css) made.className = css;
  return made;
}

function highlighted(text, language) {
  const made = document.createDocumentFragment();
  let last = 0;
  for (const match of text.matchAll(GRAMMAR[language])) {
    if (match.index > last) made.append(text.slice(last, match.index));
    const css = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    made.append(element("span", match[0], css));
    last = match.index + match[0].length;
  }
  made.append(text.slice(last));
  return made;
}

function matches(row, word) {
  const [kind, name] = word.split(/:(.*)/);
  if (name === undefined) return row.text.includes(word);
  if (kind === "builtin") return row.builtins.some((b) => b.toLowerCase() === name);
  if (kind === "category") return row.category.toLowerCase() === name;
  if (kind === "verdict") return Object.values(row.verdicts).some((v) => Object.values(v).includes(name));
  return row.text.includes(word);
}

function find() {
  const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => words.every((word) => matches(row, word)));
  at("found").textContent = `${found.length} found`;
  at("results").replaceChildren(...found.slice(0, MOST).map((row) => {
    const button = element("button", undefined, row === chosen ? "on" : "");
    button.append(element("b", row.name), element("small", `${row.category} · ${row.id}`));
    button.addEventListener("click", () => show(row));
    return button;
  }));
  // What is shown is always one of those found.
  if (!found.includes(chosen)) show(found[0]);
}

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function fill(name, text, language) {
  const code = document.querySelector(`#pane-${name} code`);
  code.replaceChildren(highlighted(text, language));
  code.parentElement.scrollTop = 0;
}

// Warp numbers its lines far to the right; nobody wants to scroll for that.
const tidy = (text) => text.replace(/ +<L \d+>$/gm, "");

function code(target) {
  const pieces = texts.code[target];
  if (!pieces) return "not in this dataset";
  const [before, forward, between, backward, after] = pieces;
  if (part === "forward") return tidy(forward);
  if (part === "backward") return tidy(backward) || "this kernel has no adjoint";
  return tidy(before + forward + between + backward + after);
}

function showCode() {
  for (const target of ["cpu", "cuda"]) fill(target, code(target), "cpp");
  for (const button of document.querySelectorAll("[data-part]"))
    button.classList.toggle("on", button.dataset.part === part);
}

async function show(row) {
  chosen = row;
  texts = null;
  at("shown").hidden = !row;
  if (!row) return;
  at("name").textContent = row.name;
  const facts = Object.entries(row.facts).map(([name, n]) => `${name} ${n}`);
  at("facts").replaceChildren(`${row.category} · ${row.id} · ${facts.join(" · ")} `);
  for (const [target, checks] of Object.entries(row.verdicts))
    for (const [check, verdict] of Object.entries(checks))
      at("facts").append(element("span", `${target} ${check}: ${verdict}`, verdict === "pass" ? "tag good" : "tag"));
  fill("python", row.python, "python");
  document.querySelectorAll("#results button").forEach((b) => b.classList.toggle("on", b.querySelector("small").textContent.endsWith(` ${row.id}`)));
  try {
    const packed = await unpacked(row.z);
    if (chosen !== row) return;
    texts = packed;
  } catch (error) {
    for (const target of ["cpu", "cuda"]) fill(target, `this browser cannot unpack the code (${error})`, "cpp");
    return;
  }
  showCode();
  at("evidence").textContent = [texts.launch, ...Object.entries(texts.verified).map(([t, v]) => `verified, ${t}: ${v}`)].join("\n\n");
}

function search(text) {
  at("find").value = text;
  chosen = null;
  find();
}

for (const row of rows)
  row.text = [row.id, row.category, row.name, row.builtins.join(" "), row.python].join("\n").toLowerCase();
document.documentElement.classList.add("script");
at("held").textContent = String(rows.length);
at("find").addEventListener("input", find);
for (const button of document.querySelectorAll("[data-find]"))
  button.addEventListener("click", () => { search(button.dataset.find); at("rows").scrollIntoView({behavior: "smooth"}); });
for (const button of document.querySelectorAll("[data-part]"))
  button.addEventListener("click", () => { part = button.dataset.part; if (texts) showCode(); });
at("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
// A link can hold a search: report.html#find=builtin:sin
search(location.hash.startsWith("#find=") ? decodeURIComponent(location.hash.slice(6)) : "");
