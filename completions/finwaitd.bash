# bash completion for finwaitd.

_finwaitd() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $prev == --config ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -W "--config --check --print-config --version --help -h" -- "$cur")
    fi
}

complete -F _finwaitd finwaitd
