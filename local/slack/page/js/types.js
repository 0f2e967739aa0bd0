/**
 * The shapes the page reads, as JSDoc types known in every file; nothing here runs.
 *
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./dom.js").Item} Item
 * @typedef {import("./menu.js").Option} Option
 *
 * @typedef {{id: string, name: string, real_name?: string, is_bot?: boolean, color: string}} User
 * @typedef {{id: string, name: string, topic: string, members: string[], is_im: boolean, user: string | null}} Channel
 * @typedef {{id: string, handle: string}} UserGroup
 * @typedef {{command: string, usage_hint: string, description: string, app?: string}} Command
 * @typedef {{callback_id: string, name: string, description: string}} Shortcut An entry of a message's menu.
 * @typedef {{id: string, name: string, bot_user: string, commands: Command[], shortcuts: Shortcut[]}} App
 * @typedef {{id: string, name: string, title: string, mimetype: string, size: number, original_w?: number, original_h?: number,
 *   alt_txt: string}} FileInfo
 * @typedef {Record<string, any>} Block One Block Kit block, or an element inside one, as the app sent it.
 * @typedef {{ts: string, channel?: string, user: string, text: string, blocks?: Block[], thread_ts?: string, reply_count?: number,
 *   reply_users?: string[], latest_reply?: string, reply_broadcast?: boolean, edited?: object, files?: FileInfo[],
 *   attachments?: Block[], subtype?: string, is_ephemeral?: boolean}} Message
 * @typedef {{id: string, type: string, title?: Block, submit?: Block, close?: Block, blocks: Block[], previous_view_id: string | null}} View
 *
 * @typedef {object} Names Looks up what a text only refers to.
 * @property {(id: string) => User | undefined} user
 * @property {(id: string) => Channel | undefined} channel
 * @property {(id: string) => UserGroup | undefined} usergroup
 * @property {() => User[]} people
 * @property {() => Channel[]} channels
 *
 * @typedef {object} BlockContext What a block needs to know about its surroundings.
 * @property {Names} names
 * @property {(block: Block, element: Block, detail: object, at: HTMLElement) => void} act  A click or a choice was made.
 * @property {Map<string, any>} values  What has been chosen or typed so far, by block and action id.
 * @property {Record<string, string>} [errors]  Sentences by block id, from the app's answer to a submit.
 * @property {FileInfo[]} [files]  The files the message carries; an image block may name one by its id alone.
 *
 * @typedef {{ok: boolean, error: string, errors?: Record<string, string>}} Answer What failed is in `error`, or by block in `errors`.
 */
