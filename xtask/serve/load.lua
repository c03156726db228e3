-- What wrk sends and how it judges what comes back: `cargo xtask load-test` calls it.
-- LOAD_CASES names a Lua file that returns {key = "...", cases = {{model, prompt, text}, ...}}.

local load = dofile(os.getenv("LOAD_CASES"))
local expected, bodies, threads = {}, {}, {}
for number, case in ipairs(load.cases) do
  expected[case[1]] = case[3]
  bodies[number] = string.format('{"model": "%s", "prompt": "%s", "temperature": 0, "max_tokens": 12}', case[1], case[2])
end
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. load.key }

right, wrong, full, unavailable, other = 0, 0, 0, 0, 0

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init()
  math.randomseed(1000 + number)
end

function request()
  return wrk.format("POST", "/v1/completions", headers, bodies[math.random(#bodies)])
end

function response(status, _, body)
  if status == 200 then
    local model, text = body:match('"model":"([^"]*)"'), body:match('"text":"([^"]*)"')
    if model and expected[model] == text then
      right = right + 1
    else
      wrong = wrong + 1
      print("WRONG " .. body)
    end
  elseif status == 429 then
    full = full + 1
  elseif status == 503 then
    unavailable = unavailable + 1
  else
    other = other + 1
    print("STATUS " .. status .. " " .. body)
  end
end

function done(summary, latency)
  local sums = {}
  for _, name in ipairs({ "right", "wrong", "full", "unavailable", "other" }) do
    sums[name] = 0
    for _, thread in ipairs(threads) do
      sums[name] = sums[name] + thread:get(name)
    end
  end
  print(string.format(
    'RESULT {"requests": %d, "seconds": %.1f, "right": %d, "wrong": %d, "full": %d, "unavailable": %d, "other": %d, ' ..
    '"socket_errors": %d, "p50_ms": %.0f, "p99_ms": %.0f}',
    summary.requests, summary.duration / 1e6, sums.right, sums.wrong, sums.full, sums.unavailable, sums.other,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
