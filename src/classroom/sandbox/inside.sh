# Run by unshare inside new namespaces, as their root: makes everything read-only, covers what must not be seen, gives up all rights.
# Arguments: bytes of scratch, what /proc is (`proc` or `tmpfs`), then pairs `hide PATH`, `read PATH`, `write PATH`, then `run` and the program.
set -eu
scratch=$1 proc=$2
shift 2
mount --make-rprivate /
while read -r _ point _; do
  mount -o remount,bind,ro "$point" 2>/dev/null || :
done < /proc/self/mounts
# What is kept open below /tmp is bound again after /tmp is covered: each gets a name in a private directory first.
keep=/mnt
mount -t tmpfs -o size=64k tmpfs "$keep"
number=0
list=""
while [ "$1" != run ]; do
  what=$1 path=$2
  shift 2
  case $what in
    hide)
      if [ -d "$path" ]; then mount -t tmpfs -o size=4k,ro tmpfs "$path"; elif [ -e "$path" ]; then mount --bind /dev/null "$path"; fi ;;
    read | write)
      number=$((number + 1))
      if [ -d "$path" ]; then mkdir "$keep/$number"; else : > "$keep/$number"; fi
      mount --bind "$path" "$keep/$number"
      if [ "$what" = write ]; then mount -o remount,bind,rw "$keep/$number"; else mount -o remount,bind,ro "$keep/$number"; fi
      printf '%s\n' "$path" > "$keep/name.$number" ;;
  esac
done
shift
mount -t tmpfs -o "size=$scratch,mode=1777" tmpfs /tmp
at=0
while [ "$at" -lt "$number" ]; do
  at=$((at + 1))
  path=$(cat "$keep/name.$at")
  if [ -d "$keep/$at" ]; then mkdir -p "$path" 2>/dev/null || :; else
    mkdir -p "$(dirname "$path")" 2>/dev/null || :
    [ -e "$path" ] || : > "$path"
  fi
  mount --bind "$keep/$at" "$path"
done
mount -t tmpfs -o size=4k,ro tmpfs /sys
mount -t "$proc" -o ro "$proc" /proc
cd /tmp
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
