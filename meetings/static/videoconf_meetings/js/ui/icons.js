// @ts-check

const SVG = "http://www.w3.org/2000/svg";

/** Strokes on a 24-unit grid. @type {Record<string, string[]>} */
const PATHS = {
  microphone: ["M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z", "M5.5 11a6.5 6.5 0 0 0 13 0", "M12 17.5V21"],
  "microphone-off": [
    "M9 9.2V11a3 3 0 0 0 4.6 2.5M15 11V6a3 3 0 0 0-5.6-1.5",
    "M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11a6.5 6.5 0 0 1-.6 2.7",
    "M12 17.5V21",
    "M4 4l16 16",
  ],
  camera: [
    "M4.5 7h8.5a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4.5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2z",
    "M15 11l5.2-3.1a.5.5 0 0 1 .8.4v7.4a.5.5 0 0 1-.8.4L15 13",
  ],
  "camera-off": [
    "M10.5 7H13a2 2 0 0 1 2 2v2.5M15 15.2A2 2 0 0 1 13 17H4.5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2h2",
    "M15 11l5.2-3.1a.5.5 0 0 1 .8.4v7.4",
    "M4 4l16 16",
  ],
  screen: [
    "M4 5h16a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 20 17H4a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4 5z",
    "M9 20.5h6",
    "M12 14V8.5M9.5 10.8L12 8.3l2.5 2.5",
  ],
  "screen-off": [
    "M4 5h16a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 20 17H4a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4 5z",
    "M9 20.5h6",
    "M9.8 8.8l4.4 4.4M14.2 8.8l-4.4 4.4",
  ],
  people: [
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
    "M2.5 19.5c.4-3 3-5 6.5-5s6.1 2 6.5 5",
    "M16 5a3.2 3.2 0 0 1 0 6.2M18.2 14.9c1.9.8 3 2.4 3.3 4.6",
  ],
  settings: [
    "M4 7h9M17 7h3M4 17h3M11 17h9",
    "M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
    "M9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  ],
  record: ["M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z", "M12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"],
  end: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z", "M9 9l6 6M15 9l-6 6"],
  leave: ["M13.5 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h7.5", "M10 12h11M17.5 8.5L21 12l-3.5 3.5"],
  remove: [
    "M10 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
    "M3.5 19.5c.4-3 3-5 6.5-5 1.7 0 3.2.5 4.3 1.3",
    "M16 15.5l5 5M21 15.5l-5 5",
  ],
  lock: [
    "M6.5 10.5h11a1.5 1.5 0 0 1 1.5 1.5v6.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5V12a1.5 1.5 0 0 1 1.5-1.5z",
    "M8 10.5V8a4 4 0 0 1 8 0v2.5",
  ],
  expand: ["M9 4H5a1 1 0 0 0-1 1v4M15 4h4a1 1 0 0 1 1 1v4M9 20H5a1 1 0 0 1-1-1v-4M15 20h4a1 1 0 0 0 1-1v-4"],
  close: ["M6 6l12 12M18 6L6 18"],
};

/** @param {string} name */
function svg(name) {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  for (const line of PATHS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    icon.append(path);
  }
  return icon;
}

/** Puts the icon first into the element, instead of the one there. @param {HTMLElement} element @param {string} name */
export function setIcon(element, name) {
  if (element.dataset.icon === name && element.querySelector(":scope > .icon")) return;
  element.querySelector(":scope > .icon")?.remove();
  element.dataset.icon = name;
  element.prepend(svg(name));
}

/** Draws every `data-icon` under the element. @param {ParentNode} parent */
export function drawIcons(parent) {
  for (const element of parent.querySelectorAll("[data-icon]")) {
    const { dataset } = /** @type {HTMLElement} */ (element);
    setIcon(/** @type {HTMLElement} */ (element), dataset.icon ?? "");
  }
}
