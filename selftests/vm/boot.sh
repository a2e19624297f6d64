#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Boots one kernel with one initramfs, without KVM and without root, and ends it
# when nothing has come from it for a quarter of an hour. When nothing has ever come, not
# even a word that it is up, it is booted anew, twice at the most: now and then a kernel
# finds no end in its first steps on an emulated machine whose CPUs are busy.
#
#   boot.sh VMLINUZ INITRD CONSOLE_LOG RESULTS
#
# CONSOLE_LOG gets the console, each line with the seconds since the start;
# RESULTS what the guest wrote to its second serial port. The status is QEMU's,
# which is 0 also after a panic: look for the line "guest: result" in the log.
#
# Two NICs on one hub are a cable: the guest moves one end into a namespace and
# has real tagged frames between two virtio devices, with native XDP.
# TCG on purpose: /dev/kvm of a CI machine often cannot run a stock kernel. It moves
# strings byte by byte, so the CPU does not say that its string moves are fast.
set -u
kernel=$1
initrd=$2
log=$3
results=$4
silence_s=${BG_VM_SILENCE_S:-900}
first_word_s=${BG_VM_FIRST_WORD_S:-180}
boots=3
# For a guest that talks for ever.
limit_s=5000

# The machine: a PC, or with BG_VM_MACHINE=aarch64 one of QEMU's own, whose pointers are
# authenticated by a function that costs little.
machine=${BG_VM_MACHINE:-x86_64}
case $machine in
x86_64) of_machine=(-machine pc -cpu "max,erms=off,fsrm=off,fsrs=off") console=ttyS0 ;;
aarch64) of_machine=(-machine virt -cpu "max,pauth-impdef=on") console=ttyAMA0 ;;
*)
	echo "boot.sh: BG_VM_MACHINE='$machine': x86_64 or aarch64" >&2
	exit 1
	;;
esac

version=$("qemu-system-$machine" --version | sed -n 's/.*version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p;q')
read -r major minor <<<"$version"
if [ $((major * 100 + minor)) -lt 801 ]; then
	echo "boot.sh: QEMU $major.$minor mis-emulates what stock kernels do, 8.1 or later is needed:" \
		"scripts/setup.sh installs it" >&2
	exit 1
fi

cable=()
for n in 0 1; do
	cable+=(-netdev "hubport,id=h$n,hubid=0"
		-device "virtio-net-pci,netdev=h$n,romfile=,mac=52:54:00:00:00:0$n")
done

start_us=${EPOCHREALTIME/[^0-9]/}
stamp() {
	local line ms
	while IFS= read -r line || [ -n "$line" ]; do
		ms=$(((${EPOCHREALTIME/[^0-9]/} - start_us) / 1000))
		printf '%4d.%03d %s\n' $((ms / 1000)) $((ms % 1000)) "${line//$'\r'/}"
	done
}

is_up() {
	grep -qa 'guest: ' "$log"
}

# watch: by what the guest writes on either port.
watch() {
	local before='' now patience_s=$first_word_s heard_s=$SECONDS
	until [ $((SECONDS - heard_s)) -gt "$patience_s" ]; do
		sleep 5
		! is_up || patience_s=$silence_s
		now=$(stat -c %s "$log" "$results")
		[ "$now" = "$before" ] || heard_s=$SECONDS
		before=$now
	done
	echo "no word from the guest for $patience_s s" >"$log.hangs"
	kill "$(cat "$log.pid")"
	sleep 10
	kill -KILL "$(cat "$log.pid")"
}

# boot: its status is QEMU's, or 124.
boot() {
	local watcher status
	rm -f "$log.hangs"
	: >"$log"
	: >"$results"
	watch >/dev/null 2>&1 &
	watcher=$!
	# (--foreground: in our process group, so that it ends with us)
	timeout --foreground --kill-after=5 "$limit_s" "qemu-system-$machine" \
		-accel tcg,thread=multi "${of_machine[@]}" -smp 2 -m "${BG_VM_MEMORY_MB:-2048}" \
		-pidfile "$log.pid" -nodefaults -no-user-config -display none -monitor none -no-reboot \
		-serial stdio -serial "file:$results" "${cable[@]}" \
		-kernel "$kernel" -initrd "$initrd" \
		-append "console=$console panic=-1 oops=panic loglevel=4 ${BG_VM_APPEND:-}" \
		</dev/null 2>&1 | stamp >"$log"
	status=${PIPESTATUS[0]}
	kill $watcher
	if [ -e "$log.hangs" ]; then
		echo "boot.sh: $(cat "$log.hangs")" >>"$log"
		status=124
	fi
	rm -f "$log.pid" "$log.hangs"
	return "$status"
}

for ((n = 1; n <= boots; n++)); do
	boot
	status=$?
	if [ $status -ne 124 ] || is_up; then
		break
	fi
	echo "$(tail -n 1 "$log") ($log), boot $n of $boots" >&2
done
exit "$status"
