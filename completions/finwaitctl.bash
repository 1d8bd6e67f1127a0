# bash completion for finwaitctl: subcommands, options, the filter language, and what the daemon knows: policies and ids.

# Asks the daemon, by the socket that the line names. One that hangs must not hang the shell.
_finwaitctl_ask() {
    local socket=() i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == --socket ]] || continue
        [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
        socket=(--socket "${COMP_WORDS[i + 1]}")
    done
    timeout 2 "${COMP_WORDS[0]/#\~/$HOME}" "${socket[@]}" "$@" 2>/dev/null </dev/null
}

_finwaitctl_policies() {
    _finwaitctl_ask policy --json | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'
}

_finwaitctl_ids() {
    _finwaitctl_ask list --output tsv --no-header --limit 1000 | cut -f 1
}

# What may stand behind $1, the word before, in a filter.
_finwaitctl_filter() {
    case $1 in
        state | client-state | server-state)
            echo unknown closed listen syn-sent syn-recv established fin-wait-1 fin-wait-2 close-wait closing last-ack time-wait
            ;;
        closer) echo client server ;;
        policy) _finwaitctl_policies ;;
        phase) echo watching probing resetting confirming gone ;;
        idle | age) printf '%s\n' '\>' '\>=' '\<' '\<=' gt ge lt le ;;
        *[\<\>]* | gt | ge | lt | le) echo 30s 1m 5m 1h 1d ;;
        client | server | host | port | client-port) ;;
        *)
            printf '%s\n' state client-state server-state closer client server host port client-port idle age policy phase \
                not and or '\(' '\)'
            ;;
    esac
}

# The values of option $1; fails for one that takes none.
_finwaitctl_values() {
    case $1 in
        --json) echo pretty ;;
        --color) echo auto always never ;;
        --output | -o) echo table json tsv ;;
        --sort)
            local field
            for field in client client-port client-state server port server-state closer age idle expires policy phase; do
                echo "$field" "-$field"
            done
            ;;
        --by) echo state policy client server port ;;
        --backend) echo nftables iptables ;;
        --resume) _finwaitctl_policies ;;
        --limit) echo 10 20 50 100 ;;
        --type)
            printf '%s\n' tcp_half_closed tcp_probe tcp_reset tcp_closed policy_stopped policy_resumed request_refused \
                config_reload rules_changed
            ;;
        --flow | --socket | --config) ;;
        *) return 1 ;;
    esac
}

# The options of subcommand $1, and those of all.
_finwaitctl_options() {
    case $1 in
        list) echo --verbose -v --sort --limit --output -o --resolve -r --no-header -H ;;
        count) echo --by --limit --no-header -H ;;
        events) echo --follow -f --new --type --text ;;
        kill) echo --yes -y --no-wait ;;
        policy) echo --resume ;;
        rules) echo --backend ;;
        check) echo --system ;;
        replay) echo --flow --config ;;
    esac
    echo --socket --json --color --version --help -h
}

_finwaitctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} subcommand= candidates= values i
    local subcommands="list show explain kill count top events stats policy rules reload check replay version"
    COMPREPLY=()

    # bash takes "--json=pretty" for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $prev == --json ]]; then
        prev=
    fi

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --socket | --color)
                [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
                ((i++))
                ;;
            --json) [[ ${COMP_WORDS[i + 1]} == = ]] && ((i += 2)) ;;
            -*) ;;
            *)
                subcommand=${COMP_WORDS[i]}
                break
                ;;
        esac
    done

    if values=$(_finwaitctl_values "$prev"); then
        candidates=$values
        case $prev in
            --socket | --config) compopt -o filenames 2>/dev/null && mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
        esac
    elif [[ $cur == -* ]]; then
        candidates=$(_finwaitctl_options "$subcommand")
    else
        case $subcommand in
            '') candidates=$subcommands ;;
            list | count | kill | top | events)
                candidates=$(_finwaitctl_filter "$([[ $prev == "$subcommand" ]] || echo "$prev")")
                # An id that is begun, where no filter is. All ids there are would hide the words.
                if [[ $subcommand != top && $cur =~ ^[0-9a-f]+-?[0-9]*$ && ($prev == "$subcommand" || $prev == -* || $prev =~ ^[0-9a-f]+-[0-9]+$) ]]; then
                    candidates+=" $(_finwaitctl_ids)"
                fi
                ;;
            show | explain) candidates=$(_finwaitctl_ids) ;;
            check | replay)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
                ;;
        esac
    fi
    # Not by compgen -W, which would take "\>" apart.
    local word
    while read -r -d ' ' word; do
        [[ -n $word && $word == "$cur"* ]] && COMPREPLY+=("$word")
    done <<<"${candidates//$'\n'/ } "
}

complete -F _finwaitctl finwaitctl
