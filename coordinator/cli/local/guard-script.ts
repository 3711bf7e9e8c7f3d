/**
 * The guard of a local cluster: a small `sh` in a session of its own that starts nats-server and the coordinator,
 * starts either again when it dies, and ends both when the last user is gone. It runs in the state folder.
 *
 * Descriptor 3 is the read end of a FIFO that every user holds open for writing. The kernel closes a dead user's end
 * however it died, so the end of file means: nobody is left. No child may inherit descriptor 3: that it has a reader
 * is how users see that the guard lives. (Hence the subshells: for a function a shell only moves it out of the way.)
 * Lines on the FIFO:
 *
 *   `user <id>`        is answered by making the file `users/<id>`
 *   `serve <program>`  starts this nats-server, unless one runs
 *
 * The coordinator is started at once: it takes longer to load than the server to be found, set up and started, and
 * waits for the file that says where it is.
 *
 * A keeper, a background shell, starts one program again and again until the file `ending` is there. Signals go
 * straight to the programs: a shell with a trap may lose one that comes between fork and exec of its child, so
 * keepers have none, and the guard looks for the program's current pid until its keeper has ended.
 */
export const guardScript = `# Guard of a local Millrace cluster. Arguments: the coordinator's command.
umask 077
# What the starter's caller had open is none of ours, and a lock may hang on it.
exec 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
echo $$ >guard.pid
ending=
trap 'ending=1' TERM
trap '' INT HUP

# keep NAME COMMAND...
keep() {
  name=$1
  shift
  while [ ! -e ending ]; do
    "$@" </dev/null >>"$name.log" 2>&1 &
    echo $! >"$name.pid"
    wait $!
    status=$?
    [ ! -e ending ] || return
    rm -f "$name.pid"
    echo "$status" >"$name.ended"
    echo "guard: $name ended with status $status; starting it again" >&2
    sleep 1
  done
}

# end NAME KEEPER TRIES: TERM once to the program, KILL when it has not ended after so many looks.
end() {
  told= tries=0
  while kill -0 "$2" 2>/dev/null; do
    pid=
    [ ! -e "$1.pid" ] || read -r pid <"$1.pid"
    if [ -n "$pid" ] && [ "$pid" != "$told" ]; then
      kill -TERM "$pid" 2>/dev/null
      told=$pid
    fi
    tries=$((tries + 1))
    [ -z "$pid" ] || [ "$tries" -lt "$3" ] || kill -KILL "$pid" 2>/dev/null
    # What ends in order does so soon. Running a program also lets the shell take note of children that have ended.
    pause=0.02
    [ "$tries" -gt 10 ] || pause=0.004
    sleep "$pause" 2>/dev/null || sleep 1
  done
}

(keep coordinator "$@") 3<&- &
coordinator_keeper=$!
server_keeper=
while [ -z "$ending" ] && read -r verb word <&3; do
  case $verb in
    user) true >"users/$word" ;;
    serve)
      [ -z "$server_keeper" ] || continue
      (keep nats-server "$word" -c "$PWD/nats-server.conf") 3<&- &
      server_keeper=$!
      ;;
  esac
done

trap '' TERM
true >ending
# The programs need not wait for it.
rm -f server.json &
end coordinator "$coordinator_keeper" 120
[ -z "$server_keeper" ] || end nats-server "$server_keeper" 40
wait
rm -f coordinator.pid nats-server.pid guard.pid
`;
