#!/usr/bin/env bash
# Gates a finished run in a pipeline and ends with the gate's own exit code: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 refused.
# GitHub's action.yml and GitLab's gitlab-ci.yml beside this file run it as it is.
#
# VISAVOX_RUN           the run folder (required)
# VISAVOX_POLICY        name or path of the policy it has to be sealed under
# VISAVOX_MODEL         file or folder of the model to release
# VISAVOX_ATTESTATION   where it is not in the run folder
# VISAVOX_TRUSTED_KEYS  public keys, one path a line: the run has to be signed
# VISAVOX_MAX_AGE       365d
# VISAVOX_WAIVERS       YAML file
# VISAVOX_OUT           folder of visavox-gate.{json,xml,md}; by default the current one
# VISAVOX               the command, where it is not to be installed here
set -uo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
out="${VISAVOX_OUT:-.}"
json="$out/visavox-gate.json"
junit="$out/visavox-gate.xml"
summary="${GITHUB_STEP_SUMMARY:-$out/visavox-gate.md}"

refuse() {
  echo "visavox: $1" >&2
  printf '# Visavox gate: REFUSED\n\n%s. There is no verdict. This is no permission to ship.\n' "$1" >>"$summary"
  [ -z "${GITHUB_OUTPUT:-}" ] || echo "outcome=REFUSED" >>"$GITHUB_OUTPUT"
  exit 3
}

mkdir -p "$out" || { echo "visavox: cannot make $out" >&2; exit 3; }
rm -f "$json" "$junit" # what an earlier job left says nothing about this run
[ -n "${GITHUB_STEP_SUMMARY:-}" ] || rm -f "$summary"
[ -n "${VISAVOX_RUN:-}" ] || refuse "VISAVOX_RUN names no run folder"

if [ -n "${VISAVOX:-}" ]; then
  command=("$VISAVOX")
elif [ -e "$root/requirements/gate.txt" ]; then
  # of this job alone: whatever lies at a name that others can guess would be run as the gate
  venv="$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/visavox-gate.XXXXXXXX")" || refuse "no folder for visavox"
  trap 'rm -rf "$venv"' EXIT
  pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps)
  python3 -m venv "$venv" &&
    "${pip[@]}" --require-hashes -r "$root/requirements/gate.txt" -r "$root/requirements/build.txt" &&
    "${pip[@]}" --no-build-isolation "$root" || refuse "visavox could not be installed"
  command=("$venv/bin/visavox")
else
  command=(visavox)
fi

words=(gate "$VISAVOX_RUN" --json "$json" --junit "$junit" --markdown "$summary")
[ -z "${VISAVOX_POLICY:-}" ] || words+=(--policy "$VISAVOX_POLICY")
[ -z "${VISAVOX_MODEL:-}" ] || words+=(--model "$VISAVOX_MODEL")
[ -z "${VISAVOX_ATTESTATION:-}" ] || words+=(--attestation "$VISAVOX_ATTESTATION")
[ -z "${VISAVOX_MAX_AGE:-}" ] || words+=(--max-age "$VISAVOX_MAX_AGE")
[ -z "${VISAVOX_WAIVERS:-}" ] || words+=(--waivers "$VISAVOX_WAIVERS")
while IFS= read -r key; do
  [ -z "$key" ] || words+=(--trusted-keys "$key")
done <<<"${VISAVOX_TRUSTED_KEYS:-}"

"${command[@]}" "${words[@]}"
code=$?
[ -s "$json" ] || refuse "the gate did not run (exit code $code)"
if [ "$code" -eq 0 ] && ! grep -q '"outcome":"PASS"' "$json"; then
  refuse "the gate ended with 0 and says no PASS"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  case "$code" in 0) outcome=PASS ;; 1) outcome=FAIL ;; 2) outcome=INCONCLUSIVE ;; *) outcome=REFUSED ;; esac
  echo "outcome=$outcome" >>"$GITHUB_OUTPUT"
fi
exit "$code"
