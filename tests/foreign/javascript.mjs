// The JavaScript SDKs, and the provider for the AI SDK.

import * as ws from "ws";

const url = process.argv[2];
const websocketUrl = url.replace("http", "ws");
const sttUrl = `${websocketUrl}/transcribe-websocket`;
Object.assign(process.env, {
  SONIOX_API_KEY: "key",
  SONIOX_API_BASE_URL: url,
  SONIOX_WS_URL: sttUrl,
  SONIOX_TTS_API_URL: url,
  SONIOX_TTS_WS_URL: `${websocketUrl}/tts-websocket`,
});
globalThis.WebSocket ??= ws.WebSocket;
const RAW = { model: "stt-rt-v4", audio_format: "pcm_s16le", sample_rate: 16000, num_channels: 1 };
const LONGEST_MS = 30000;
const wav = recording();
let failed = 0;

function recording() {
  const head = Buffer.alloc(44);
  head.write("RIFF");
  head.writeUInt32LE(64036, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(16000, 24);
  head.writeUInt32LE(32000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(64000, 40);
  return Buffer.concat([head, Buffer.alloc(64000)]);
}

function assert(condition, what = "") {
  if (!condition) throw new Error(`not as expected ${what}`);
}

async function check(name, run) {
  const late = new Promise((_, refuse) => setTimeout(() => refuse(new Error("too late")), LONGEST_MS).unref());
  try {
    await Promise.race([run(), late]);
    console.log(`  ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`  FAILED ${name}: ${String(error?.stack ?? error).slice(0, 300)}`);
  }
}

async function hear(session) {
  let text = "";
  session.on("result", (result) => {
    text += result.tokens.filter((token) => token.is_final).map((token) => token.text).join("");
  });
  await session.connect();
  for (let count = 0; count < 100; count++) session.sendAudio(new Uint8Array(3200));
  await session.finish();
  assert(text);
}

const { SonioxNodeClient } = await import("@soniox/node");
const client = new SonioxNodeClient();
const temporaryKey = async () =>
  (await client.auth.createTemporaryKey({ usage_type: "transcribe_websocket", expires_in_seconds: 60 })).api_key;

await check("node: models", async () => assert((await client.models.list()).length));
await check("node: files", async () => {
  const file = await client.files.upload(wav, { filename: "a.wav" });
  assert((await client.files.get(file.id)).id === file.id);
  await client.files.delete(file.id);
  assert((await client.files.get(file.id)) === null);
});
await check("node: a job on a file", async () => {
  const job = await client.stt.transcribe({ model: "stt-async-v5", file: wav, filename: "a.wav", wait: true });
  assert((await job.getTranscript()).text);
});
await check("node: a translated job on a URL", async () => {
  const translation = { type: "one_way", target_language: "es" };
  const job = await client.stt.create({ model: "stt-async-v4", audio_url: "https://example.com/a.mp3", translation });
  await client.stt.wait(job.id);
  const { tokens } = await client.stt.getTranscript(job.id);
  assert(tokens.some((token) => token.translation_status === "translation"));
});
await check("node: a list in pages", async () => {
  let count = 0;
  for await (const _ of await client.stt.list({ limit: 1 })) count += 1;
  assert(count > 1, count);
});
await check("node: usage and limits", async () => {
  const time = (hours) => new Date(Date.now() + hours * 3600e3).toISOString();
  for await (const _ of await client.usageLogs.list({ start_time: time(-1), end_time: time(1) }));
  await client.usageLogs.getSummary({ start_time: time(-24), end_time: time(0) });
  assert((await client.concurrencyLimits.get()).project);
});
await check("node: speech with a cloned voice", async () => {
  assert((await client.tts.listModels()).length);
  let voice = await client.tts.voices.create({ name: `voice ${Date.now()}`, file: wav, filename: "a.wav" });
  while (!voice.isReady("tts-rt-v2")) voice = await client.tts.voices.get(voice.id);
  const request = { text: "Hello", voice: voice.id, language: "en", model: "tts-rt-v2" };
  assert((await client.tts.generate(request)).length > 1000);
  await client.tts.voices.delete(voice.id);
});
await check("node: streamed speech", async () => {
  const sound = { audio_format: "pcm_s16le", sample_rate: 24000 };
  const stream = await client.realtime.tts({ model: "tts-rt-v2", voice: "Adrian", language: "en", ...sound });
  stream.sendText("Hello there, this is a test.", { end: true });
  let size = 0;
  for await (const block of stream) size += block.length;
  assert(size > 1000, size);
});
await check("node: a session", () => hear(client.realtime.stt({ ...RAW, enable_endpoint_detection: true })));
await check("node: a session that is refused", async () => {
  const session = client.realtime.stt({ model: "stt-rt-v99", audio_format: "auto" });
  const refused = new Promise((take) => session.on("error", take));
  await session.connect();
  assert((await refused).message.includes("Invalid model"));
});

const { SonioxClient } = await import("@soniox/client");
await check("client: a session with a temporary key", async () => {
  const api_key = await temporaryKey();
  await hear(new SonioxClient({ config: { api_key, stt_ws_url: sttUrl } }).realtime.stt(RAW, { api_key }));
});

// The older library of browsers, with a recorder that plays a file.
globalThis.window = globalThis;
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia() {} } }, configurable: true });
const microphone = { getTracks: () => [], clone: () => microphone };
globalThis.MediaRecorder = class extends EventTarget {
  stream = microphone;
  start() {
    let count = 0;
    this.timer = setInterval(() => {
      const event = new Event("dataavailable");
      event.data = new Blob([count++ ? new Uint8Array(32000) : wav.subarray(0, 3244)]);
      this.dispatchEvent(event);
    }, 10);
  }
  stop() {
    clearInterval(this.timer);
  }
};
const web = await import("@soniox/speech-to-text-web");
const WebClient = web.SonioxClient ?? web.default.SonioxClient;
await check("web: a session", async () => {
  const recorder = new WebClient({ apiKey: "key", webSocketUri: sttUrl });
  await new Promise((take, refuse) => {
    recorder.start({
      model: "stt-rt-preview",
      stream: microphone,
      onPartialResult(result) {
        if (!result.tokens.some((token) => token.is_final && token.text.trim())) return;
        recorder.finalize();
        recorder.stop();
      },
      onFinished: take,
      onError: (...error) => refuse(new Error(error.join(" "))),
    });
  });
});
await check("web: a session that is refused", async () => {
  const recorder = new WebClient({ apiKey: "key", webSocketUri: sttUrl });
  const code = await new Promise((take) => {
    recorder.start({ model: "stt-rt-v99", stream: microphone, onError: (_, __, code) => take(code) });
  });
  assert(code === 400, code);
});

const { createSoniox } = await import("@soniox/vercel-ai-sdk-provider");
await check("AI SDK: a transcription", async () => {
  const provider = createSoniox({ apiKey: "key", apiBaseUrl: url, pollingIntervalMs: 50 });
  const request = { audio: new Uint8Array(wav), mediaType: "audio/wav", providerOptions: {} };
  assert((await provider.transcription("stt-async-v4").doGenerate(request)).text);
});
process.exit(failed ? 1 : 0);
