// Fetches the page's own content again every few seconds, while somebody looks at it and wants that.
const WITHIN = 10_000; // milliseconds that an answer may take
const region = document.getElementById("overview");
const box = document.getElementById("refresh");
const status = document.getElementById("refresh-status");
const every = Number(region.dataset.every) * 1000;
const address = new URL(location.href);
address.searchParams.set("part", "1");
let timer = 0;

box.closest("[hidden]").hidden = false;
box.addEventListener("change", plan);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
plan();

function plan() {
  clearTimeout(timer);
  if (box.checked && !document.hidden) timer = setTimeout(refresh, every);
}

async function refresh() {
  clearTimeout(timer);
  if (!box.checked) return;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(WITHIN), redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403) {
      say("You are signed out. Load the page anew to sign in.");
      box.checked = false;
      return;
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.text());
    say("");
  } catch {
    say("The server does not answer; what you see may be old.");
  }
  plan();
}

/** Puts the new content in place of the old one, and the focus and the scrolling back to where they were. */
function show(html) {
  const focused = region.contains(document.activeElement) ? where(document.activeElement) : null;
  const scrolled = [...region.querySelectorAll(".videoconf-scroll")].map((box) => [where(box), box.scrollLeft]);
  const content = new DOMParser().parseFromString(html, "text/html").body;
  region.replaceChildren(...content.childNodes);
  for (const [selector, left] of scrolled) {
    const box = region.querySelector(selector);
    if (box) box.scrollLeft = left;
  }
  if (focused) region.querySelector(focused)?.focus({ preventScroll: true });
}

function where(element) {
  const href = element.getAttribute("href");
  if (href) return `a[href="${CSS.escape(href)}"]`;
  return `[aria-labelledby="${CSS.escape(element.getAttribute("aria-labelledby") ?? "")}"].videoconf-scroll`;
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}
