// @ts-check
import { confirmAction } from "./confirm.js";
import { byId } from "./dom.js";
import { arrange } from "./layout.js";
import { announce } from "./notices.js";
import { ScreenTile, Tile } from "./tile.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { Participant } from "../types.js" */

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** Keeps a tile for everyone in the meeting. @param {Meeting} meeting */
export function showTiles(meeting) {
  const tiles = new Tiles(meeting);
  const { roster } = meeting;
  roster.on("added", (participant) => tiles.add(participant));
  roster.on("removed", ({ participant, reason }) => tiles.remove(participant, reason));
  roster.on("replaced", ({ previous, participant }) => tiles.replace(previous, participant));
  roster.on("changed", (participant) => tiles.draw(participant));
  roster.on("streams", (participant) => tiles.draw(participant));
  meeting.speakers.on("level", ({ id, ...voice }) => tiles.get(id)?.hear(voice));
}

class Tiles {
  #meeting;
  #list = byId("tiles");
  /** @type {Map<string, Tile>} */ #people = new Map();
  /** @type {Map<string, ScreenTile>} */ #screens = new Map();
  /** Ends a question about someone who has gone. @type {Map<string, AbortController>} */ #questions = new Map();

  /** @param {Meeting} meeting */
  constructor(meeting) {
    this.#meeting = meeting;
    new ResizeObserver(() => this.#place(false)).observe(byId("stage"));
    byId("sound-button").addEventListener("click", () => this.#playAll());
    this.#list.addEventListener("click", (event) => this.#act(event));
  }

  /** @param {string} id */
  get(id) {
    return this.#people.get(id);
  }

  /** @param {Participant} participant */
  add(participant) {
    const moderated = this.#meeting.isModerator && !participant.local;
    const tile = new Tile(participant, { moderated });
    this.#people.set(participant.id, tile);
    this.#list.append(tile.element);
    this.draw(participant);
    this.#place();
    if (!participant.local) announce(`${participant.name} is in the meeting.`);
  }

  /** @param {Participant} participant @param {string} reason */
  remove({ id, name, local }, reason) {
    const hadFocus = this.#people.get(id)?.element.contains(document.activeElement);
    this.#questions.get(id)?.abort();
    this.#people.get(id)?.element.remove();
    this.#people.delete(id);
    this.#screens.get(id)?.element.remove();
    this.#screens.delete(id);
    this.#place();
    if (hadFocus) byId("room-title").focus({ preventScroll: true });
    if (local || this.#meeting.state !== "in") return;
    announce(
      reason === "removed"
        ? `${name} was removed.`
        : reason === "lost"
          ? `${name} lost the connection.`
          : `${name} left.`,
    );
  }

  /** The tile stays where it is and belongs to the new connection. @param {string} previous @param {Participant} participant */
  replace(previous, participant) {
    const tile = this.#people.get(previous);
    if (!tile) return;
    this.#people.delete(previous);
    this.#people.set(participant.id, tile);
    const screen = this.#screens.get(previous);
    this.#screens.delete(previous);
    if (screen) this.#screens.set(participant.id, screen);
    this.draw(participant);
  }

  /** @param {Participant} participant */
  draw(participant) {
    const tile = this.#people.get(participant.id);
    tile?.draw(participant);
    this.#start(tile?.video);
    this.#drawScreen(participant);
  }

  /** @param {Participant} participant */
  #drawScreen(participant) {
    const { id, media, streams, local, name } = participant;
    const known = this.#screens.get(id);
    if (media.screen && streams.screen) {
      if (known) return known.draw(participant);
      const screen = new ScreenTile(participant);
      this.#screens.set(id, screen);
      if (local) this.#list.append(screen.element);
      else this.#list.prepend(screen.element);
      this.#start(screen.video);
      this.#place();
      if (!local) announce(`${name} shares a screen.`);
    } else if (known) {
      known.element.remove();
      this.#screens.delete(id);
      this.#place();
      if (!local) announce(`${name} no longer shares a screen.`);
    }
  }

  /** @param {HTMLVideoElement | undefined} video */
  async #start(video) {
    if (!video?.srcObject || !video.paused) return;
    try {
      await video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") byId("sound-banner").hidden = false;
    }
  }

  #playAll() {
    byId("sound-banner").hidden = true;
    for (const { video } of [...this.#people.values(), ...this.#screens.values()]) this.#start(video);
  }

  /** Sizes the tiles and lets them glide to where they belong. */
  #place(glide = true) {
    const stage = byId("stage");
    const elements = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const before = elements.map((element) => element.getBoundingClientRect());
    const onStage = [...this.#screens.values()].find(
      ({ element }) => element.dataset.screen !== this.#meeting.self?.id,
    );
    for (const element of elements) {
      element.classList.toggle("tile--stage", element === onStage?.element);
      element.classList.toggle("tile--presenter", element.dataset.connection === onStage?.element.dataset.screen);
    }
    stage.classList.toggle("stage--screen", Boolean(onStage));
    const style = getComputedStyle(this.#list);
    const gap = Number.parseFloat(style.columnGap) || 0;
    const { columns, width, height } = arrange(elements.length || 1, this.#list.clientWidth, stage.clientHeight, gap);
    this.#list.style.setProperty("--columns", String(columns));
    this.#list.style.setProperty("--tile-width", `${width}px`);
    this.#list.style.setProperty("--tile-height", `${height}px`);
    // Twice as many grid columns as tiles in a row: an incomplete last row is centred.
    const rest = onStage ? 0 : elements.length % columns;
    const firstOfLastRow = elements.length - rest;
    elements.forEach((element, index) => {
      element.style.gridColumnStart = rest > 0 && index === firstOfLastRow ? String(columns - rest + 1) : "auto";
    });
    if (glide && !STILL.matches) elements.forEach((element, index) => glideFrom(element, before[index]));
  }

  /** @param {Event} event */
  async #act({ target }) {
    const button = /** @type {Element} */ (target).closest("[data-action]");
    const id = /** @type {HTMLElement | null} */ (button?.closest("[data-connection]"))?.dataset.connection;
    const participant = id && this.#meeting.roster.get(id);
    if (!(button instanceof HTMLElement) || !participant) return;
    if (button.dataset.action === "mute") return this.#meeting.provider?.mute(participant.id);
    const question = new AbortController();
    this.#questions.set(participant.id, question);
    const sure = await confirmAction(
      {
        title: `Remove ${participant.name} from the meeting?`,
        detail: "The invitation stops working too: joining again takes a new one.",
        action: `Remove ${participant.name}`,
      },
      question.signal,
    );
    this.#questions.delete(participant.id);
    if (sure) this.#meeting.provider?.remove(participant.id);
  }
}

/** @param {HTMLElement} element @param {DOMRect} from */
function glideFrom(element, from) {
  const to = element.getBoundingClientRect();
  if (from.width === 0 || to.width === 0) {
    element.animate(
      [
        { opacity: 0, transform: "scale(.96)" },
        { opacity: 1, transform: "none" },
      ],
      { duration: 180, easing: "ease-out" },
    );
    return;
  }
  const [x, y] = [from.left - to.left, from.top - to.top];
  if (!x && !y && from.width === to.width) return;
  const start = `translate(${x}px, ${y}px) scale(${from.width / to.width}, ${from.height / to.height})`;
  element.animate(
    [
      { transformOrigin: "0 0", transform: start },
      { transformOrigin: "0 0", transform: "none" },
    ],
    { duration: 220, easing: "ease-out" },
  );
}
