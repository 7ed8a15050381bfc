# The agent of `coworkd stress`: does what the line `stress:` of its prompt says, and writes down what it saw.
#
# STRESS_FOLDER is a folder outside of every work tree: journal (one line per event, appended), locks/TASK.
set -u
unset POSIXLY_CORRECT
journal() { printf '%s %s %s %s %s\n' "$EPOCHREALTIME" "$1" "$COWORK_TASK" "$COWORK_RUN" "${2:-}" >>"$STRESS_FOLDER/journal"; }
trap 'journal ended $?' EXIT
trap 'exit 143' TERM INT HUP

# The kernel gives the lock back when the last of our own processes has ended, however it ends.
exec 9>"$STRESS_FOLDER/locks/$COWORK_TASK"
flock -n 9 || journal twice
journal began $$

behaviour=work seconds=0 needs=
while IFS= read -r line; do
  case $line in
    stress:*) for word in ${line#stress:}; do
      case $word in
        behaviour=*) behaviour=${word#*=} ;;
        seconds=*) seconds=${word#*=} ;;
        needs=*) needs=${word#*=} ;;
      esac
    done ;;
  esac
done

for needed in ${needs//,/ }; do
  [[ -f work/$needed ]] || journal disorder "$needed"
done

exec 8<> <(:) # a pipe that nobody writes to: `read -t` on it waits without a process
wait_for() { # seconds with one decimal; says something each half second, so that it is not taken for stalled
  local until=$((${EPOCHREALTIME/./} + ${1%.*}000000 + ${1#*.}00000))
  while ((${EPOCHREALTIME/./} < until)); do
    read -rt 0.5 -u 8 || true
    echo "at work"
  done
}

# An agent whose disk is full has failed: what it submits all the same would be incomplete.
failed() { echo "could not $1"; exit 1; }

finish() {
  mkdir -p work && echo "$COWORK_TASK" >>"work/$COWORK_TASK" || failed write
  rm -f "red/$COWORK_TASK"
  git add -A 9>&- || failed add
  git commit -qm "Work of $COWORK_TASK" 9>&- || true
  echo "finished $COWORK_TASK"
}

if [[ -n ${COWORK_CONFLICT:-} ]]; then
  git merge -q refs/cowork/tip >/dev/null 2>&1 9>&-
  git show refs/cowork/tip:shared 2>/dev/null 9>&- | grep -vx "$COWORK_TASK" >shared.new
  ((PIPESTATUS[1] < 2)) && echo "$COWORK_TASK" >>shared.new && mv shared.new shared || failed write
  git add -A 9>&- && git commit --allow-empty -qm "Merge for $COWORK_TASK" 9>&- || failed commit
  exit 0
fi

first=; [[ -e $STRESS_FOLDER/seen/$COWORK_TASK ]] || first=yes
: >>"$STRESS_FOLDER/seen/$COWORK_TASK"
wait_for "$seconds"
case $behaviour:$first in
  fail:* | fail-once:yes) echo "this attempt is meant to fail"; exit 1 ;;
  stall-once:yes) while :; do read -rt 60 -u 8 || true; done ;;
  idle-once:yes) echo "said done, with nothing done"; exit 0 ;;
  red-once:yes) mkdir -p red && echo "$COWORK_TASK" >"red/$COWORK_TASK" || failed write ;;
  collide:*) echo "$COWORK_TASK" >>shared || failed write ;;
  leave:*) env -i setsid sleep "$(<"$STRESS_FOLDER/token")" >/dev/null 2>&1 </dev/null 9>&- & ;;
  fork:*)
    fork() { fork & fork & wait; }
    # Never outside of the group that bounds it.
    (echo "$BASHPID" >"$STRESS_PROCESS_LIMIT" && ulimit -t 5 && fork) >/dev/null 2>&1 8>&- 9>&- &
    ;;
esac
if [[ $behaviour:$first == red-once:yes ]]; then
  git add -A 9>&- && git commit -qm "A red try of $COWORK_TASK" 9>&- || failed commit
  exit 0
fi
finish
