-- What wrk sends. Environment: CASE, TOKEN, RUN (a number that no other run has) and IDS, a file with one meeting a line:
-- link, session id, archive id, separated by tabs. Meeting 1 has 10 attendees, meeting 2 has 1,000, every other one 5.
-- Prints one line of JSON at the end.
local case, run = os.getenv("CASE"), os.getenv("RUN")
local bearer = {["Authorization"] = "Bearer " .. os.getenv("TOKEN")}
local bearer_json = {["Authorization"] = bearer.Authorization, ["Content-Type"] = "application/json"}
local json = {["Content-Type"] = "application/json"}
local now = os.time() .. "000"
local sent = 0

local links, sessions, archives = {}, {}, {}
for line in io.lines(os.getenv("IDS")) do
  links[#links + 1], sessions[#sessions + 1], archives[#archives + 1] = line:match("^([^\t]+)\t([^\t]+)\t([^\t]+)$")
end

local function webhook(session)
  local who = "w" .. run .. "-" .. sent -- what load/clean_*.sql recognise
  return wrk.format("POST", "/webhooks/session", json,
    '{"sessionId":"' .. session .. '","projectId":"' .. os.getenv("VONAGE_API_KEY") .. '","event":"connectionCreated",' ..
    '"timestamp":' .. now .. ',"connection":{"id":"c-' .. who .. '","createdAt":' .. now .. ',"data":"' .. who .. '"}}')
end

local cases = {
  token = function(i)
    return wrk.format("POST", "/session/" .. links[i] .. "/token", bearer_json, '{"role":"publisher","data":"name=Ann"}')
  end,
  create = function() return wrk.format("POST", "/session", bearer_json, '{"isScheduled":false}') end,
  webhook = function(i) return webhook(sessions[math.max(i, 3)]) end, -- never the two whose lists are measured
  att10 = function() return wrk.format("GET", "/session/" .. links[1] .. "/attendees", bearer) end,
  att1000 = function() return wrk.format("GET", "/session/" .. links[2] .. "/attendees", bearer) end,
  archive = function(i) return wrk.format("GET", "/archives/" .. archives[i], bearer) end,
}
local made = cases[case] or error("no such case: " .. case)

function request()
  sent = sent + 1
  return made(sent * 7919 % #links + 1) -- a prime: every meeting in turn, none next to the one before
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
