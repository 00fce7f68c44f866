// @ts-check
// The parts of Vonage's client script that the page uses; nothing of this exists when it runs.

/** @typedef {{name?: string, code?: number, message: string}} OTError */

/** @typedef {(error?: OTError | null) => void} Done */

/** @typedef {{connectionId: string, creationTime: number, data: string}} OTConnection */

/**
 * @typedef {{streamId: string, connection: OTConnection, name: string, hasAudio: boolean, hasVideo: boolean,
 *   videoType?: "camera" | "screen" | "custom"}} OTStream
 */

/** @typedef {{on: (type: string, listener: (event: any) => void) => void}} OTTarget */

/**
 * @typedef {OTTarget & {
 *   publishAudio: (on: boolean) => unknown, publishVideo: (on: boolean) => unknown,
 *   setAudioSource: (track: MediaStreamTrack) => Promise<unknown>, destroy: () => unknown,
 * }} OTPublisher
 */

/** @typedef {OTTarget} OTSubscriber */

/**
 * @typedef {OTTarget & {
 *   connection?: OTConnection,
 *   connect: (token: string, done: Done) => unknown, disconnect: () => unknown,
 *   publish: (publisher: OTPublisher, done: Done) => unknown, unpublish: (publisher: OTPublisher) => void,
 *   subscribe: (stream: OTStream, target: undefined, properties: Record<string, any>, done: Done) => OTSubscriber,
 *   unsubscribe: (subscriber: OTSubscriber) => void,
 * }} OTSession
 */

/**
 * @typedef {{
 *   checkSystemRequirements: () => number,
 *   initSession: (id: string, sessionId: string, options: Record<string, any>) => OTSession,
 *   initPublisher: (target: undefined, properties: Record<string, any>, done: Done) => OTPublisher,
 * }} OT
 */

export {};
