#!/usr/bin/env bash
# kernel.sh FOLDER : builds user-mode Linux with Bluetooth from the distribution's kernel source, once for each
# configuration and source version, and prints the path of the program. Minutes the first time, no time after.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$1
mkdir -p "$work"
cd "$work"

# "linux-source" depends on the package of the distribution's current kernel.
package=$(apt-cache depends linux-source | awk '$1 == "Depends:" { print $2; exit }')
version=$(apt-cache policy "$package" | awk '$1 == "Candidate:" { print $2 }')
[ -n "$version" ] || {
    echo "error: apt knows no package linux-source" >&2
    exit 1
}
key=$({ echo "$package $version" && cat "$here/kernel.config" "$here/kernel.sh"; } | sha256sum | cut -c1-16)
kernel=$work/kernel-$key
if [ -x "$kernel" ]; then
    echo "$kernel"
    exit
fi

echo "building the kernel ($package $version); this is done once" >&2
build=$work/build-$key
rm -rf "$build"
mkdir "$build"
trap 'rm -rf "$build"' EXIT
(cd "$build" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2)
dpkg-deb --fsys-tarfile "$build"/*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | tar -xJ -C "$build"
rm "$build"/*.deb
cd "$build"/linux-source-*
# Kconfig keeps keyboards from user-mode Linux, which has no wires for one. What a program makes with uinput needs none.
sed -i '/^menu "Input device support"/,/^config INPUT$/{/^[[:space:]]*depends on !UML$/d}' drivers/input/Kconfig
# The virtual camera asks for a kernel with memory of devices, which PCI over virtio brings along (kernel.config).

# The kernel counts a program's processor time in ticks of ten milliseconds: each goes to whoever is at work then. With the word
# `exact_clock` on its command line it counts in nanoseconds; its scheduler goes by that too, so it is for measuring alone.
cat >>arch/um/kernel/time.c <<'CLOCK'

static long long exact_since;

static int __init exact_clock(char *value)
{
	exact_since = os_nsecs();
	return 0;
}
early_param("exact_clock", exact_clock);

unsigned long long notrace sched_clock(void)
{
	if (exact_since)
		return os_nsecs() - exact_since;
	return (unsigned long long)(jiffies - INITIAL_JIFFIES) * (NSEC_PER_SEC / HZ);
}
CLOCK
# From the default configuration: a kernel made from tinyconfig panicked in some of its starts.
make -s ARCH=um defconfig >&2
scripts/kconfig/merge_config.sh -m .config "$here/kernel.config" >/dev/null
make -s ARCH=um olddefconfig >&2
for option in BT_LE BT_HCIVHCI HOSTFS CRYPTO_USER_API_HASH INPUT_EVDEV INPUT_UINPUT VIDEO_VIVID; do
    grep -q "^CONFIG_$option=y" .config || {
        echo "error: the kernel's configuration lost CONFIG_$option" >&2
        exit 1
    }
done
make -s ARCH=um -j"$(nproc)" linux >&2
strip -o "$kernel.new" linux
mv "$kernel.new" "$kernel"
echo "$kernel"
