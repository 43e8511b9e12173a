# Completion of `remote` for bash. `remote completion bash` prints this file.
_remote() {
  local current="${COMP_WORDS[COMP_CWORD]}" line value quoted
  COMPREPLY=()
  while IFS= read -r line; do
    value="${line%%$'\t'*}"
    case "$value" in
      :file) compopt -o default -o filenames 2>/dev/null; COMPREPLY=(); return ;;
      :command) mapfile -t COMPREPLY < <(compgen -c -- "$current"); return ;;
    esac
    case "$current" in
      \"* | \'*) quoted="$value" ;;
      *) printf -v quoted %q "$value" ;;
    esac
    COMPREPLY+=("$quoted")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _remote remote
