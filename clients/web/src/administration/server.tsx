import type { Job, JobStatus, ServerState } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { client } from "../client";
import { errorText } from "../error-text";
import { a } from "../texts/administration";
import { icons } from "../ui/icons";
import { Select } from "../ui/select";
import { ageOf, dateTimeOf, milliseconds, numberOf } from "./format";
import { List, Tag, useList } from "./parts";

const REFRESH_MS = 10_000;
const STATUS_TAGS = { queued: "", running: "warning", done: "good", failed: "danger" } as const;

/** The state of the server, its workers and its jobs. */
export function Server() {
  const [state, setState] = useState<ServerState | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [status, setStatus] = useState("");
  const jobs = useList(
    () => client.list("GET /admin/jobs", { query: status ? { status: status as JobStatus } : {} }),
    [status],
  );
  const load = async () => {
    try {
      setState((await client.call("GET /admin/state", {})).data);
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <header>
        <h2>{a.pages.server}</h2>
        <button
          type="button"
          class="button"
          onClick={() => {
            void load();
            void jobs.reload();
          }}
        >
          {icons.retry} {a.refresh}
        </button>
      </header>
      {error !== null && (
        <p class="none" role="alert">
          {errorText(error)}
        </p>
      )}
      <Figures state={state} />
      {state && <Workers state={state} />}
      <section aria-label={a.server.jobs}>
        <header>
          <h3>{a.server.jobs}</h3>
          <Select
            label={a.server.status}
            value={status}
            onChange={setStatus}
            options={[
              ["", a.server.allStatuses],
              ...(["queued", "running", "done", "failed"] as const).map(
                (each) => [each, a.server.statuses[each]] as const,
              ),
            ]}
          />
        </header>
        <List label={a.server.jobs} list={jobs} empty={a.server.noJobs} class="card">
          {(job) => <JobLine key={job.id} job={job} />}
        </List>
      </section>
    </>
  );
}

function Figures({ state }: { state: ServerState | null }) {
  const sockets = state?.workers.reduce((sum, worker) => sum + worker.sockets, 0);
  const count = (value: number | null | undefined) => (value == null ? "–" : numberOf(value));
  return (
    <dl class="figures" aria-busy={!state}>
      <Figure name={a.server.database} kind={state && !state.database.ok ? "danger" : "good"}>
        {state ? (state.database.ok ? a.server.ok : a.server.fails) : "–"}
        {state && <small class="quiet">{milliseconds(state.database.latencyMs)}</small>}
      </Figure>
      <Figure name={a.server.queue} kind={state && !state.queue.ok ? "danger" : "good"}>
        {state ? (state.queue.ok ? a.server.ok : a.server.fails) : "–"}
      </Figure>
      <Figure name={a.server.version}>{state?.version ?? "–"}</Figure>
      <Figure name={a.server.uptime}>{state ? ageOf(state.startedAt) : "–"}</Figure>
      <Figure name={a.server.sockets}>{count(sockets)}</Figure>
      <Figure name={a.server.users}>{count(state?.users)}</Figure>
      <Figure name={a.server.chats}>{count(state?.chats)}</Figure>
      <Figure name={a.server.messages}>{count(state?.messages)}</Figure>
      <Figure name={a.server.openJobs}>{count(state && state.jobs.queued + state.jobs.running)}</Figure>
      <Figure name={a.server.failedJobs} kind={state?.jobs.failed ? "danger" : undefined}>
        {count(state?.jobs.failed)}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  name: string;
  kind?: "good" | "danger" | undefined;
  children: ComponentChildren;
}

function Figure({ name, kind, children }: FigureProps) {
  return (
    <div class={`figure ${kind ?? ""}`}>
      <dt class="quiet">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Workers({ state }: { state: ServerState }) {
  return (
    <section aria-label={a.server.workers}>
      <h3>{a.server.workers}</h3>
      <ul class="card" aria-label={a.server.workers}>
        {state.workers.map((worker) => (
          <li key={worker.id} class="line">
            <span class="code">{worker.id}</span>
            <span>{a.server.socketCount(worker.sockets)}</span>
            <span class="quiet">{a.server.since(dateTimeOf(worker.startedAt))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function JobLine({ job }: { job: Job }) {
  const types: Readonly<Record<string, string>> = a.server.jobTypes;
  return (
    <li class="line">
      <span>
        {types[job.type] ?? job.type} <Tag kind={STATUS_TAGS[job.status]}>{a.server.statuses[job.status]}</Tag>
        {job.error && <span class="code error">{job.error}</span>}
      </span>
      <span>{job.total > 0 && a.server.progress(numberOf(job.done), numberOf(job.total))}</span>
      <time class="quiet" dateTime={job.finishedAt ?? job.createdAt}>
        {dateTimeOf(job.finishedAt ?? job.createdAt)}
      </time>
    </li>
  );
}
