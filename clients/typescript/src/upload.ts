import { DiscardedError, NetworkError } from "./errors.js";
import { rawResponse, type RawResponse } from "./http.js";

const STALLED_MS = 60_000;

/**
 * Send a form and report its progress: by XMLHttpRequest, since browsers' fetch reports none; where there is none
 * (Node.js), by a body that is counted while it is read. Rejects with DiscardedError when `given` is aborted, and with
 * NetworkError when the connection is lost or nothing moves for a minute.
 */
export async function upload(
  method: string,
  url: string,
  form: FormData,
  token: string,
  progress: (share: number) => void,
  given: AbortSignal,
): Promise<RawResponse> {
  const end = new AbortController();
  const stop = (): void => end.abort();
  let stalled = setTimeout(stop, STALLED_MS);
  let isOver = false;
  const moved = (share: number): void => {
    if (isOver) return;
    clearTimeout(stalled);
    stalled = setTimeout(stop, STALLED_MS);
    progress(share);
  };
  given.addEventListener("abort", stop);
  if (given.aborted) stop();
  try {
    const send = typeof XMLHttpRequest === "undefined" ? uploadCounted : uploadWatched;
    return await send(method, url, form, token, moved, end.signal);
  } catch (error) {
    if (given.aborted) throw new DiscardedError("The upload was given up.");
    throw new NetworkError("The upload was interrupted.", { cause: error });
  } finally {
    isOver = true;
    clearTimeout(stalled);
    given.removeEventListener("abort", stop);
  }
}

function uploadWatched(
  method: string,
  url: string,
  form: FormData,
  token: string,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    signal.throwIfAborted();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () =>
      resolve(rawResponse(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    request.onerror = () => reject(new Error("The connection was lost."));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.open(method, url);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.send(form);
  });
}

async function uploadCounted(
  method: string,
  url: string,
  form: FormData,
  token: string,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<RawResponse> {
  // A response writes a form as it goes over the wire, and says under which boundary.
  const written = new Response(form);
  const bytes = await written.arrayBuffer();
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": written.headers.get("Content-Type") ?? "",
    "Content-Length": String(bytes.byteLength),
  };
  const request = { method, headers, body: counted(new Uint8Array(bytes), progress), duplex: "half", signal };
  const response = await fetch(url, request as RequestInit);
  return rawResponse(response.status, await response.text(), response.headers.get("Retry-After"));
}

const CHUNK_BYTES = 64 * 1024;

function counted(bytes: Uint8Array, progress: (share: number) => void): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = bytes.subarray(sent, sent + CHUNK_BYTES);
      sent += chunk.byteLength;
      controller.enqueue(chunk);
      progress(sent / bytes.byteLength);
      if (sent >= bytes.byteLength) controller.close();
    },
  });
}
