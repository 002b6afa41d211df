# Sourced by the other scripts: a header before each step, its duration after it, and a summary of
# what failed at the end, so that a person reads one list and not a scroll of output.

failed_sections=()

# section <title> <command…>: runs the command under a header; remembers a failure and goes on.
section() {
  local title=$1 started=$SECONDS
  shift
  printf '\n══ %s\n' "$title"
  if "$@"; then
    printf '── %s: done in %ss\n' "$title" "$((SECONDS - started))"
  else
    printf '── %s: FAILED after %ss\n' "$title" "$((SECONDS - started))"
    failed_sections+=("$title")
  fi
}

# not_run <title> <why>: a step that this machine cannot do says so; it is never silently left out.
not_run() {
  printf '\n══ %s\n── not run here: %s\n' "$1" "$2"
}

# finish <what>: the verdict, and the exit status that goes with it.
finish() {
  if ((${#failed_sections[@]} == 0)); then
    printf '\n%s: all passed in %ss\n' "$1" "$SECONDS"
    return 0
  fi
  printf '\n%s: %d failed:\n' "$1" "${#failed_sections[@]}"
  printf '  - %s\n' "${failed_sections[@]}"
  return 1
}
