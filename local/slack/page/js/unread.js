/** How far each account has read each channel, kept in this browser. */

/** Whether a message is a reply in a thread. @param {Message} message */
export function isReply(message) {
  return Boolean(message.thread_ts && message.thread_ts !== message.ts);
}

/** Whether the channel itself shows a message, and not only its thread. @param {Message} message */
export function inChannel(message) {
  return !isReply(message) || Boolean(message.reply_broadcast);
}

/** @param {string} user @param {string} channel */
function keyOf(user, channel) {
  return `workspace.read.${user}.${channel}`;
}

export class Unread {
  /** On the first visit of this browser everything counts as read. @param {User[]} people @param {Map<string, Message[]>} messages */
  startAt(people, messages) {
    for (const [channel, list] of messages) {
      for (const user of people) {
        const key = keyOf(user.id, channel);
        if (localStorage.getItem(key) === null) localStorage.setItem(key, list.filter(inChannel).at(-1)?.ts ?? "0");
      }
    }
  }

  /** @param {string} user @param {string} channel */
  readUpTo(user, channel) {
    return Number(localStorage.getItem(keyOf(user, channel)) ?? 0);
  }

  /** @param {string} user @param {string} channel @param {Message[]} messages */
  count(user, channel, messages) {
    const read = this.readUpTo(user, channel);
    return messages.filter((message) => inChannel(message) && Number(message.ts) > read && message.user !== user).length;
  }

  /** @param {string} user @param {string} channel @param {Message[]} messages @returns {boolean} whether anything was new */
  markRead(user, channel, messages) {
    const last = messages.filter(inChannel).at(-1)?.ts;
    if (!last || Number(last) <= this.readUpTo(user, channel)) return false;
    localStorage.setItem(keyOf(user, channel), last);
    return true;
  }
}
