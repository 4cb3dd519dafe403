package lab

import rego.v1

# What a test wants to see of a module that OPA compiled: the object of the request says what to do.
asked := input.request.object

asked := input.review.object

main := asked.value if asked.do == "answer"

main := data.kept if asked.do == "data"

main := [1 | some i in asked.list; some j in asked.list; some k in asked.list; i == k; j == "never"] if asked.do == "loop"

main := count(numbers.range(1, 100000000)) if asked.do == "fill"

main := {"a", "b"}[_] if asked.do == "conflict"

main := sprintf(asked.format, asked.values) if asked.do == "sprintf"

main := [{"msg": sprintf("%v", [{x | some x in asked.values}])}] if asked.do == "set"

main := semver.compare(asked.a, asked.b) if asked.do == "semver"

main := trace(asked.text) if asked.do == "trace"

main := json.patch(asked.value, asked.patch) if asked.do == "patch"

main := time.parse_rfc3339_ns(asked.text) if asked.do == "time"
