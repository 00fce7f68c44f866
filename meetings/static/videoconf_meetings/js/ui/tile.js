// @ts-check
import { find, setText } from "./dom.js";
import { drawIcons, setIcon } from "./icons.js";

/** @import { Link, Participant } from "../types.js" */

/** @type {Record<Link, string>} */
const LINKS = { connecting: "Connecting…", reconnecting: "Reconnecting…", connected: "", none: "" };

export const NO_CODE = "The code could not be made.";

/** One person's place: picture, name, and in words what is off. */
export class Tile {
  element;
  video;
  /** @type {Participant} */ participant;

  /** @param {Participant} participant @param {{moderated: boolean}} options whether the viewer may mute and remove her */
  constructor(participant, { moderated }) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("tile-template"));
    this.element = /** @type {HTMLElement} */ (
      /** @type {HTMLElement} */ (template.content.firstElementChild).cloneNode(true)
    );
    this.video = /** @type {HTMLVideoElement} */ (find(this.element, "video"));
    this.participant = participant;
    this.video.muted = participant.local;
    drawIcons(this.element);
    if (moderated) find(this.element, ".tile__actions").hidden = false;
    this.draw(participant);
  }

  /** @param {Participant} participant the same person, perhaps under a new connection */
  draw(participant) {
    this.participant = participant;
    const { id, attendee, name, media, local, link, code, role } = participant;
    const { element } = this;
    element.dataset.connection = id;
    element.dataset.attendee = attendee;
    element.dataset.link = link;
    element.classList.toggle("tile--local", local);
    element.classList.toggle("tile--dark", !media.camera);
    element.classList.toggle("tile--voiced", media.mic);
    this.video.setAttribute("aria-label", local ? "Your picture" : `Picture of ${name}`);
    setText(find(element, ".tile__avatar"), initials(name));
    avatarHue(find(element, ".tile__avatar"), name);
    setText(find(element, ".tile__name"), local ? `${name} (you)` : name);
    /** @type {HTMLElement} */ (find(element, ".tile__name")).title = name;
    this.#flag("muted", !media.mic && role !== "subscriber");
    this.#flag("camera-off", !media.camera && role !== "subscriber");
    this.#note(LINKS[link]);
    find(element, ".tile__code").hidden = code === null;
    find(element, ".tile__code").classList.toggle("tile__code--failed", code === false);
    setText(find(element, ".tile__digits"), code === false ? NO_CODE : (code ?? ""));
    for (const [action, label] of /** @type {const} */ ([
      ["mute", `Mute ${name}`],
      ["remove", `Remove ${name}`],
    ])) {
      const button = find(element, `[data-action=${action}]`);
      button.setAttribute("aria-label", label);
      button.title = label;
      if (action === "mute") button.hidden = !media.mic;
    }
    this.play(participant.streams.camera);
  }

  /** @param {MediaStream | null} stream */
  play(stream) {
    if (same(this.video.srcObject, stream)) return;
    this.video.srcObject = stream;
  }

  /** @param {{level: number, speaking: boolean}} voice */
  hear({ level, speaking }) {
    this.element.classList.toggle("tile--speaking", speaking);
    this.element.dataset.level = String(level);
    this.#flag("speaking", speaking);
  }

  /** @param {string} name @param {boolean} shown */
  #flag(name, shown) {
    find(this.element, `[data-flag=${name}]`).hidden = !shown;
  }

  /** @param {string} text */
  #note(text) {
    const note = find(this.element, ".tile__link");
    note.hidden = text === "";
    setText(note, text);
  }
}

/** What somebody shows of her screen; it takes the middle of the room. */
export class ScreenTile {
  element = document.createElement("li");
  video = document.createElement("video");
  #name = document.createElement("span");

  /** @param {Participant} participant */
  constructor(participant) {
    this.element.className = "tile tile--screen";
    this.video.className = "tile__video";
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.video.muted = true;
    const bar = document.createElement("div");
    bar.className = "tile__bar";
    this.#name.className = "tile__name";
    bar.append(this.#name);
    this.element.append(this.video, bar);
    if (!participant.local && document.fullscreenEnabled) this.element.append(this.#fullScreenButton());
    this.draw(participant);
  }

  #fullScreenButton() {
    const button = document.createElement("button");
    button.className = "round tile__expand";
    button.type = "button";
    button.title = "Full screen";
    button.setAttribute("aria-label", button.title);
    setIcon(button, "expand");
    button.addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.element.requestFullscreen().catch(() => {});
    });
    return button;
  }

  /** @param {Participant} participant */
  draw({ id, name, local, streams }) {
    this.element.dataset.screen = id;
    const label = local ? "Your screen" : `Screen of ${name}`;
    setText(this.#name, label);
    this.video.setAttribute("aria-label", label);
    if (!same(this.video.srcObject, streams.screen)) this.video.srcObject = streams.screen;
  }
}

/** @param {MediaProvider | null} shown @param {MediaStream | null} stream */
function same(shown, stream) {
  if (!(shown instanceof MediaStream) || !stream) return shown === stream;
  const tracks = stream.getTracks();
  return shown.getTracks().length === tracks.length && tracks.every((track) => shown.getTrackById(track.id) === track);
}

/** @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters
    .map((word) => [...word][0] ?? "")
    .join("")
    .toLocaleUpperCase();
}

/** People keep their colour, wherever they are shown. @param {HTMLElement} element @param {string} name */
export function avatarHue(element, name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 997;
  element.dataset.hue = String(sum % 8);
}
