"use strict";
// Reads /api/status.json and /api/flows.json, and shows them. Text from the daemon becomes text nodes only.

const STATUS_EVERY = 2000;
const FLOWS_EVERY = 5000;
const TYPING = 300;
const PATIENCE = 15000;
const MINUTES = 60;

const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const count = (value) => value.toLocaleString("en");

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const part = (value, unit) => `${String(value).padStart(2, "0")}${unit}`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${part(whole % 60, "s")}`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${part(Math.floor(whole / 60) % 60, "m")}`;
  return `${Math.floor(whole / 86400)}d ${part(Math.floor(whole / 3600) % 24, "h")}`;
}

// A round one, such as a timeout.
function span(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]])
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  return seconds < 60 ? `${seconds} s` : duration(seconds);
}

const numberCell = (value) => make("td", { class: value ? "number" : "number none" }, count(value));
const textCell = (text, kind) => make("td", kind ? { class: kind } : {}, text);

// ---- what it says

function showHead(stats) {
  const mode = byId("mode");
  mode.textContent = stats.mode === "observe" ? "observing only" : "enforcing";
  mode.className = stats.mode === "observe" ? "mode observe" : "mode";
  byId("about").textContent = `version ${stats.version}, up ${duration(stats.uptime_s)}, ${count(stats.shards)} ` +
    (stats.shards === 1 ? "shard" : "shards");
}

function tile(title, value, note, bad) {
  return make("div", bad ? { class: "bad" } : {}, make("dt", {}, title), make("dd", { class: "value" }, value),
    make("dd", { class: "note" }, note));
}

function median(buckets) {
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  let below = 0;
  for (const bucket of buckets) {
    below += bucket.count;
    if (all > 0 && below * 2 >= all) return bucket.up_to_s;
  }
  return null;
}

function microseconds(seconds) {
  if (seconds === null) return "–";
  return seconds < 0.001 ? `≤ ${Math.round(seconds * 1e6)} µs` : `≤ ${Math.round(seconds * 1e3)} ms`;
}

function showTiles(stats, policies, minutes) {
  const { flows, queue, packets, latency } = stats;
  const sum = (of) => policies.reduce((total, policy) => total + policy[of], 0);
  const recent = minutes.reduce((total, m) => total + m.confirmed + m.unconfirmed, 0);
  byId("tiles").replaceChildren(
    tile("Connections", count(flows.total), `${(100 * flows.total / flows.limit).toFixed(1)} % of ${count(flows.limit)}`,
      flows.total >= flows.limit),
    tile("Half-closed", count(flows.half_closed),
      `closed by client ${count(flows.half_closed_by.client)}, server ${count(flows.half_closed_by.server)}`),
    tile("Reset in the last hour", count(recent), `${count(stats.resets.confirmed + stats.resets.unconfirmed)} since the start`),
    tile("Regrets", count(sum("regret")), `of ${count(sum("observed"))} observed`, sum("regret") > 0),
    tile("Verdict, median", microseconds(median(latency.buckets)), `${count(packets.seen)} segments seen`),
    tile("Passed unseen", count(queue.dropped), "packets, with a queue full", queue.dropped > 0));
}

function barRow(name, value, most) {
  const bar = make("span", { class: "bar" });
  bar.style.setProperty("--share", most > 0 ? value / most : 0);
  return make("tr", value ? {} : { class: "empty" }, make("th", { scope: "row" }, name), numberCell(value),
    make("td", { "aria-hidden": "true" }, ...(value ? [bar] : [])));
}

function showBars(id, pairs) {
  const most = Math.max(...pairs.map(([, value]) => value));
  byId(id).replaceChildren(...pairs.map(([name, value]) => barRow(name, value, most)));
}

function policyRow(policy) {
  const name = make("th", { scope: "row" }, policy.name);
  if (policy.stopped) name.append(make("span", { class: "tag" }, "stopped by its breaker"));
  const regrets = numberCell(policy.regret);
  if (policy.regret) regrets.classList.add("refused");
  return make("tr", {}, name, textCell(policy.match || "everything else", policy.match ? "mono match" : "none"),
    textCell(policy.fin_wait_2_s === null ? "off" : span(policy.fin_wait_2_s)), textCell(policy.on_expiry),
    ...["flows", "half_closed", "expired", "confirmed", "unconfirmed", "refused", "observed", "right"].map((key) =>
      numberCell(policy[key])), regrets,
    textCell(policy.suggested_fin_wait_2_s === null ? "not enough seen" : span(policy.suggested_fin_wait_2_s),
      policy.suggested_fin_wait_2_s === null ? "none" : ""));
}

// ---- the last hour

// Steps of ten seconds to minutes, the newest last; what lies before the daemon's start is nothing.
function minutesOf(history) {
  const each = 60 / history.step_s;
  const minutes = Array.from({ length: MINUTES }, () => ({ probes: 0, confirmed: 0, unconfirmed: 0, refused: 0 }));
  history.steps.forEach(([probes, confirmed, unconfirmed, refused], i) => {
    const minute = minutes[MINUTES - 1 - Math.floor((history.steps.length - 1 - i) / each)];
    if (!minute) return;
    minute.probes += probes;
    minute.confirmed += confirmed;
    minute.unconfirmed += unconfirmed;
    minute.refused += refused;
  });
  return minutes;
}

function niceTop(most) {
  if (most <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((top) => top >= most && top % 2 === 0);
}

function drawChart(id, minutes, kinds) {
  const svg = byId(id);
  const width = Math.max(svg.clientWidth, 200), height = svg.clientHeight || 150;
  const left = 44, right = 4, top = 8, bottom = 20;
  const sums = minutes.map((minute) => kinds.reduce((sum, kind) => sum + minute[kind], 0));
  const most = niceTop(Math.max(...sums));
  const y = (value) => top + (height - top - bottom) * (1 - value / most);
  const slot = (width - left - right) / MINUTES;
  const parts = [];
  for (const value of [0, most / 2, most]) {
    parts.push(makeSvg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    parts.push(makeSvg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, count(value)));
  }
  for (const [ago, anchor] of [[60, "start"], [45, "middle"], [30, "middle"], [15, "middle"], [0, "end"]])
    parts.push(makeSvg("text", { x: left + (MINUTES - ago) * slot, y: height - 4, "text-anchor": anchor },
      ago ? `${ago} min ago` : "now"));
  minutes.forEach((minute, i) => {
    let below = 0;
    for (const kind of kinds) {
      if (!minute[kind]) continue;
      const from = y(below), to = y(below += minute[kind]);
      parts.push(makeSvg("rect", { class: kind, x: left + i * slot + slot * 0.1, width: slot * 0.8, y: to,
        height: Math.max(from - to, 1) }));
    }
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
}

function showHour(minutes) {
  drawChart("resets", minutes, ["confirmed", "unconfirmed", "refused"]);
  drawChart("probes", minutes, ["probes"]);
  const total = (kind, part) => part.reduce((sum, minute) => sum + minute[kind], 0);
  byId("resets").setAttribute("aria-label", `Connections reset in the last hour: ${count(total("confirmed", minutes))} ` +
    `confirmed, ${count(total("unconfirmed", minutes))} unconfirmed, ${count(total("refused", minutes))} refused`);
  byId("probes").setAttribute("aria-label", `Probes sent in the last hour: ${count(total("probes", minutes))}`);
  const rows = [];
  for (let from = MINUTES; from > 0; from -= 10) {
    const part = minutes.slice(MINUTES - from, MINUTES - from + 10);
    rows.push(make("tr", {}, make("th", { scope: "row" }, `${from} to ${from - 10}`),
      ...["probes", "confirmed", "unconfirmed", "refused"].map((kind) => numberCell(total(kind, part)))));
  }
  byId("hour-rows").replaceChildren(...rows);
}

// ---- half-closed connections

const end = ({ addr, port }) => addr.includes(":") ? `[${addr}]:${port}` : `${addr}:${port}`;

function flowRow(flow) {
  const side = (who) => textCell(end(flow[who]), "mono");
  return make("tr", {}, make("th", { scope: "row", class: "mono" }, flow.id), side("client"), side("server"), textCell(flow.closer),
    textCell(duration(flow.idle_s), "number"), textCell(duration(flow.age_s), "number"), textCell(flow.policy),
    textCell(flow.phase), textCell(duration(flow.expires_in_s), "number"));
}

function showFlows({ flows, complete, matched, all_seen: allSeen }) {
  flows.sort((a, b) => (b.idle_s ?? 0) - (a.idle_s ?? 0));
  byId("rows").replaceChildren(...flows.map(flowRow));
  const found = flows.length === 0 ? "None" : count(flows.length);
  const some = `The ${found} that have been idle longest, of ${count(matched)}`;
  say("found", complete ? `${found} ${flows.length === 1 ? "connection" : "connections"}`
    : allSeen ? some : `${some} that were found in time; there may be more: a filter finds those that matter`);
}

function showProblem(filter, error) {
  const problem = byId("problem");
  byId("filter").setAttribute("aria-invalid", error ? "true" : "false");
  problem.hidden = !error;
  if (!error) return problem.replaceChildren();
  // A tab would move the caret elsewhere.
  const where = error.column ? `${filter.replace(/\s/g, " ")}\n${" ".repeat(error.column - 1)}^\n` : "";
  if (problem.textContent === where + error.message) return;
  problem.replaceChildren(...(where ? [make("pre", {}, where)] : []), make("p", {}, error.message));
}

// Screen readers hear of a change: so nothing is written that stands there already.
function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

// ---- asking for it

class Failed extends Error {}

async function ask(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const body = await response.json();
  if (body.error) return body;
  if (!response.ok) throw new Failed(response.statusText);
  return body;
}

function setLive(on) {
  byId("live").className = on ? "live on" : "live off";
  say("live", on ? "Live" : "finwaitd does not answer; what stands here is old");
  document.body.dataset.live = on ? "yes" : "no";
}

async function readStatus() {
  try {
    const { stats, policies, history, error } = await ask("/api/status.json");
    if (error) throw new Failed(error.message);
    const minutes = minutesOf(history);
    showHead(stats);
    showTiles(stats, policies, minutes);
    showHour(minutes);
    showBars("states", Object.entries(stats.flows.by_state));
    showBars("ages", stats.flows.half_closed_ages.map((bucket, i, all) =>
      [bucket.up_to_s === null ? `more than ${span(all[i - 1].up_to_s)}` : span(bucket.up_to_s), bucket.count]));
    byId("policies").replaceChildren(...policies.map(policyRow));
    setLive(true);
  } catch (problem) {
    setLive(false);
    console.warn(problem);
  }
}

let asked = 0;

async function readFlows() {
  const filter = byId("filter").value;
  const turn = ++asked;
  try {
    const answer = await ask(`/api/flows.json?filter=${encodeURIComponent(filter)}`);
    if (turn !== asked) return;  // something else has been typed meanwhile
    if (answer.error && answer.error.code === "busy") return;
    showProblem(filter, answer.error);
    if (!answer.error) showFlows(answer);
    document.body.dataset.flows = answer.error ? "error" : "shown";
  } catch (problem) {
    console.warn(problem);  // readStatus says that nobody answers
  }
}

// The next time is counted from the answer: a slow daemon is not asked more often than it can answer.
async function repeat(read, every) {
  if (!document.hidden) await read();
  setTimeout(repeat, every, read, every);
}

let typing = 0;

function typed() {
  const filter = byId("filter").value;
  history.replaceState(null, "", filter ? `#${encodeURIComponent(filter)}` : location.pathname);
  clearTimeout(typing);
  typing = setTimeout(readFlows, TYPING);
}

function begin() {
  try {
    byId("filter").value = location.hash === "#flows" ? "" : decodeURIComponent(location.hash.slice(1));
  } catch {
    byId("filter").value = "";
  }
  byId("filter").addEventListener("input", typed);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    readFlows();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) { readStatus(); readFlows(); }
  });
  repeat(readStatus, STATUS_EVERY);
  repeat(readFlows, FLOWS_EVERY);
}

begin();
