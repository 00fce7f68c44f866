// Goes into a page before its own scripts: what its microphone hears is a steady tone, so that voices can be told apart.
(frequency) => {
  if (!window.isSecureContext) return;
  const { getUserMedia } = MediaDevices.prototype;
  const context = new AudioContext();
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    const stream = await getUserMedia.call(this, wanted);
    for (const track of stream.getAudioTracks()) {
      stream.removeTrack(track);
      track.stop();
      const voice = new OscillatorNode(context, { frequency });
      const volume = new GainNode(context, { gain: 0.15 });
      const microphone = context.createMediaStreamDestination();
      voice.connect(volume).connect(microphone);
      voice.start();
      stream.addTrack(microphone.stream.getAudioTracks()[0]);
    }
    return stream;
  };
}
