// Reads the QR code of a card with the camera, and goes to the card check with what it says.
// The browser's own reader is used where there is one, else zxing, whose wasm we serve.
(() => {
  const place = document.getElementById("scan");
  const video = document.getElementById("scan-picture");
  const LONGEST = 64;
  const EVERY_MS = 120;

  const say = (what) => {
    for (const one of place.querySelectorAll("[data-say]")) one.hidden = one.dataset.say !== what;
  };

  const reader = async () => {
    const own = globalThis.BarcodeDetector;
    if (own && (await own.getSupportedFormats()).includes("qr_code")) return new own({ formats: ["qr_code"] });
    const { BarcodeDetector, setZXingModuleOverrides } = globalThis.BarcodeDetectionAPI;
    setZXingModuleOverrides({ locateFile: (path, prefix) => (path.endsWith(".wasm") ? place.dataset.wasm : prefix + path) });
    return new BarcodeDetector({ formats: ["qr_code"] });
  };

  const start = async () => {
    if (!navigator.mediaDevices?.getUserMedia) return say("none");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch (error) {
      return say(error.name === "NotAllowedError" ? "denied" : "none");
    }
    const stop = () => {
      for (const track of stream.getTracks()) track.stop();
    };
    addEventListener("pagehide", stop);
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    const detector = await reader();
    say("looking");
    const look = async () => {
      const found = await detector.detect(video).catch(() => []);
      const text = found[0]?.rawValue.trim();
      if (text && text.length <= LONGEST) {
        stop();
        location.replace(`${place.dataset.target}?number=${encodeURIComponent(text)}`);
      } else setTimeout(look, EVERY_MS);
    };
    look();
  };

  start().catch(() => say("none"));
})();
