// @ts-check
// A worker that does nothing but tick: send it the interval in milliseconds.

self.addEventListener("message", (event) => {
  setInterval(() => self.postMessage(null), event.data);
});
