/* `remote completion`: the scripts that make shells complete `remote`. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "completion_scripts.h"
#include "exit_code.h"
#include "options.h"

int command_completion(int argc, char **argv) {
  static const char text[] =
      "Prints the completion script of a shell. It is installed with the package; without, put\n"
      "  eval \"$(remote completion bash)\"     into ~/.bashrc\n"
      "  eval \"$(remote completion zsh)\"      into ~/.zshrc, behind compinit\n"
      "  remote completion fish | source      into ~/.config/fish/config.fish";
  const option_usage usage = {"remote completion bash|zsh|fish", text, NULL, 0, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  for (size_t i = 0; words.count == 1 && i < completion_scripts_count; i++) {
    const completion_script *script = &completion_scripts[i];
    if (strcmp(script->shell, words.words[0])) continue;
    fwrite(script->text, 1, script->bytes, stdout);
    return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_DONE;
  }
  return options_wrong(&usage, "which shell? bash, zsh or fish");
}
