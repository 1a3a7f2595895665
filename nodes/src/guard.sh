# Stops a node when the process that owns it lets go of it or dies, however it dies.
#
# Arguments: the node's folder, its pid file, the signal that asks its main process to end, the seconds to wait before
# whatever is left is killed, and the paths to remove afterwards.
# Standard input is the owner's lifeline: it ends when the owner does, and nothing is ever written to it.

trap '' HUP INT QUIT TERM
dir=$1 pid_file=$2 signal=$3 seconds=$4
shift 4

while read -r _; do :; done

alive() {
    read -r stat <"/proc/$1/stat" || return 1
    case ${stat##*) } in
        Z* | X*) return 1 ;;
    esac
}

# All that is to end is named now, so that a successor's processes can't be among it.
marked=$(grep -lszxF "CHIFFON_NODE=$dir" /proc/[0-9]*/environ | cut -d / -f 3 | tr '\n' ' ')
main=$(head -n 1 "$pid_file" | tr -cd 0-9)
case " $marked" in
    *" $main "*) ;;
    *) main= ;;
esac
children=
for pid in $marked; do
    children="$children $(cat "/proc/$pid/task/$pid/children")"
done

# Without a pid file the node was just starting: nothing in it is worth a slow end.
if [ -z "$main" ] && [ -n "$marked" ]; then
    signal=KILL main=$marked
fi
for pid in $main; do kill -s "$signal" "$pid"; done
for pid in $marked $children; do kill -s CONT "$pid"; done

rounds=$((seconds * 20))
for pid in $main; do
    while [ "$rounds" -gt 0 ] && alive "$pid"; do
        sleep 0.05
        rounds=$((rounds - 1))
    done
done
for pid in $marked $children; do
    if alive "$pid"; then kill -s KILL "$pid"; fi
done
for pid in $marked $children; do
    rounds=100
    while [ "$rounds" -gt 0 ] && alive "$pid"; do
        sleep 0.05
        rounds=$((rounds - 1))
    done
done
if [ "$#" -gt 0 ]; then rm -rf -- "$@"; fi
