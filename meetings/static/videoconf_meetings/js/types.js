// @ts-check
// Types that the page's modules share; nothing of this exists when it runs.

/** @typedef {"moderator" | "publisher" | "subscriber"} Role */

/** What someone sends at present. @typedef {{mic: boolean, camera: boolean, screen: boolean}} MediaState */

/**
 * What this page sends. `null` is "nothing": a muted microphone keeps its (disabled) track.
 * @typedef {{microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null, screen: MediaStreamTrack | null}} Tracks
 */

/** @typedef {keyof Tracks} Kind */

/**
 * A recording that runs: whether people are told of it or asked, and in what words (of which version).
 * @typedef {{id: string, consent: "told" | "required", notice: string, version: string | number}} Archive
 */

/** @typedef {"connecting" | "connected" | "reconnecting" | "none"} Link */

/**
 * Size and cost of the camera picture, chosen by the number of people.
 * @typedef {{width: number, height: number, frameRate: number, maxBitrate: number}} Quality
 */

/**
 * One connection to the meeting: a page of a person. `attendee` is the person's opaque key; a `code` that could not be
 * made is `false`.
 * @typedef {{
 *   id: string, attendee: string, name: string, role: Role, media: MediaState, local: boolean,
 *   streams: {camera: MediaStream | null, screen: MediaStream | null}, link: Link, code: string | false | null,
 * }} Participant
 */

/**
 * What the server tells the page (`meeting-config`).
 * @typedef {{
 *   meetingLink: string, title: string | null, state: "scheduled" | "open" | "active" | "ended",
 *   opensAt: string | null, admission: "token" | "user" | "guest" | "none", name: string | null,
 *   role?: Role | null, tokenUrl: string, stateUrl: string, actUrl: string, ticket: string | null, provider: string, module: string,
 *   client: Record<string, any>, canRecord: boolean, recording: boolean, archive?: Archive | null, debug?: boolean,
 * }} Config
 */

/**
 * Where the page is. Everything but `prejoin`, `joining`, `in` and `reconnecting` is a sentence with its way on; `saving` stands
 * before the last one of someone who was recorded.
 * @typedef {"prejoin" | "joining" | "in" | "reconnecting" | "saving" | "left" | "ended" | "removed" | "full" | "scheduled"
 *   | "invitation" | "unknown" | "replaced" | "unavailable" | "unsupported" | "failed"} State
 */

export {};
