// Goes into every page before its own scripts: notes what the page asks for, and keeps the fake pictures small.
(picture) => {
  const watched = { connections: [], candidates: [], asked: [], violations: [], layouts: [] };
  Object.defineProperty(window, "watched", { value: watched });

  document.addEventListener("securitypolicyviolation", (event) => {
    watched.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`);
  });

  /** Notes, from now on and at each frame, where the tiles are: `layouts` gets each arrangement that was shown. */
  watched.follow = () => {
    const places = [...document.querySelectorAll(".tile")].map((tile) => {
      const { x, y, width, height } = tile.getBoundingClientRect();
      return [tile.querySelector(".tile__name").textContent, ...[x, y, width, height].map(Math.round)];
    });
    if (JSON.stringify(places) !== JSON.stringify(watched.layouts.at(-1))) watched.layouts.push(places);
    requestAnimationFrame(watched.follow);
  };

  if (!window.isSecureContext) return;

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...options) {
      super(...options);
      watched.connections.push(this);
      this.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate?.candidate) watched.candidates.push(candidate.candidate);
      });
    }
  };

  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = function (wanted) {
    watched.asked.push({ audio: Boolean(wanted.audio), video: Boolean(wanted.video) });
    return getUserMedia.call(this, wanted.video ? { ...wanted, video: { ...wanted.video, ...picture } } : wanted);
  };
  const { applyConstraints } = MediaStreamTrack.prototype;
  MediaStreamTrack.prototype.applyConstraints = function (wanted) {
    return applyConstraints.call(this, this.kind === "video" ? { ...wanted, ...picture } : wanted);
  };

  /** What has arrived so far over each open connection: frames of the camera and of the screen, bytes of the voice. */
  watched.arrived = async () => {
    const open = watched.connections.filter(({ connectionState }) => connectionState !== "closed");
    return Promise.all(
      open.map(async (connection) => {
        const flow = { state: connection.connectionState, camera: 0, screen: 0, voice: 0 };
        const kinds = connection.getTransceivers().map(({ mid }) => mid);
        for (const report of (await connection.getStats()).values()) {
          if (report.type !== "inbound-rtp") continue;
          const place = kinds.indexOf(report.mid);
          if (place === 0) flow.voice = report.bytesReceived;
          if (place === 1) flow.camera = report.framesDecoded ?? 0;
          if (place === 2) flow.screen = report.framesDecoded ?? 0;
        }
        return flow;
      }),
    );
  };
}
