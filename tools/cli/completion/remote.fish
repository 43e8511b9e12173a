# Completion of `remote` for fish. `remote completion fish` prints this file.
function __remote_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    for line in ($tokens[1] __complete $tokens[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':file*'
                __fish_complete_path "$current"
                return
            case ':command*'
                __fish_complete_command
                return
        end
        echo $line
    end
end
complete -c remote -f -a '(__remote_complete)'
