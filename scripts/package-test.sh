#!/usr/bin/env bash
# Builds the Debian package, or takes the one of its argument; installs, upgrades, removes and purges it in a root of its
# own, and judges its unit. Needs root. Nothing is started: the root forbids it. Ends with "package: N passed, M failed".
. "$(dirname "$0")/lib.sh"

# Where this machine has its own packages from, unless told otherwise.
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)}
keys=(/etc/mdoc-reader/reader-key.pem /var/lib/mdoc-reader/own.key)
passed=0
failed=0

main() {
    [ "$(id -u)" -eq 0 ] || die "this needs root: it makes a Debian root and installs into it"
    command -v debootstrap >/dev/null || need_packages debootstrap
    command -v systemd-analyze >/dev/null || need_packages systemd
    package=${1:-$(scripts/package.sh)}
    store=$(target_dir)/package-test
    root=$store/root
    mkdir -p "$store"
    trap 'rm -rf "$root"' EXIT
    fresh_root
    unit
    installed
    upgraded
    removed
    purged
    echo "package: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# A copy of a root that is made once.
fresh_root() {
    if [ ! -e "$store/base.done" ]; then
        rm -rf "$store/base"
        debootstrap --variant=minbase bookworm "$store/base" "$mirror" >&2 || die "debootstrap failed"
        touch "$store/base.done"
    fi
    rm -rf "$root"
    cp -a "$store/base" "$root"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    inside apt-get update -qq >&2
    # What the package depends on first, so that the lists differ by the package alone.
    mapfile -t needed < <(dpkg-deb --field "$package" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g')
    inside apt-get install -y -qq --no-install-recommends "${needed[@]}" udev >&2
    files >"$store/before"
}

inside() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"; }

# Everything but what apt and dpkg note down about every installation.
files() {
    (cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path ./tmp \) \
        -prune -o -print | grep -vE '^./etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^./etc/\.pwd\.lock$' | sort)
}

# check NAME COMMAND… : one check; what it printed is shown where it fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok       $name"
    else
        failed=$((failed + 1))
        echo "FAILED   $name"
        printf '%s\n' "$output" | tail -n 20 | sed 's/^/    /'
    fi
}

# ends STATUS COMMAND… : whether it ends with this status.
ends() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" -eq "$wanted" ] || {
        echo "ended with $status, not $wanted"
        return 1
    }
}

absent() { [ ! -e "$root$1" ]; }
mode_is() { [ "$(stat -c '%U:%G %a' "$root$2")" = "$1" ] || { stat "$root$2"; return 1; }; }

# The unit as the package ships it, by systemd's own judgement.
unit() {
    local unit=$store/mdoc-reader.service
    dpkg-deb --fsys-tarfile "$package" | tar -xO ./lib/systemd/system/mdoc-reader.service >"$unit" 2>/dev/null ||
        dpkg-deb --fsys-tarfile "$package" | tar -xO ./usr/lib/systemd/system/mdoc-reader.service >"$unit"
    mkdir -p "$store/read"
    check "the unit is in order" unit_is_in_order
    check "a misspelt one is not" misspelt_unit_is_not
    systemd-analyze security --offline=true "$unit" | tail -n 1
    check "the unit is exposed at most by 2.0" systemd-analyze security --offline=true --threshold=20 "$unit"
    # The twin: without its restrictions it is over that.
    sed '/^\(Protect\|Restrict\|System\|Capab\|NoNew\|Private\|Device\)/d' "$unit" >"$store/open.service"
    check "a unit without restrictions is not" ends 1 systemd-analyze security --offline=true --threshold=20 "$store/open.service"
}

installed() {
    cp "$package" "$root/opt/mdoc-reader.deb"
    check "installs" inside apt-get install -y -qq --no-install-recommends /opt/mdoc-reader.deb
    check "reader --version" inside reader --version
    check "reader configuration" inside reader configuration
    check "the example is in order" inside reader --check-config /etc/mdoc-reader/reader.toml
    sed 's/^purpose/purpos/' "$root/etc/mdoc-reader/reader.toml" >"$root/opt/bad.toml"
    check "a misspelt one is not" ends 64 inside reader --check-config /opt/bad.toml
    check "the doctor finds no service for Bluetooth and NFC" ends 2 inside reader doctor --config /etc/mdoc-reader/reader.toml
    check "the service's user is there" inside id mdoc-reader
    check "it is in the groups of its devices" in_groups
    check "it has no shell" grep -qE '^mdoc-reader:.*(nologin|false)$' "$root/etc/passwd"
    check "the program is root's" mode_is "root:root 755" /usr/bin/reader
    check "the configuration is root's" mode_is "root:root 644" /etc/mdoc-reader/reader.toml
    check "the udev rule is there" mode_is "root:root 644" /usr/lib/udev/rules.d/70-mdoc-reader.rules
    check "udev names the operator's device and hands it over" device_is_named
    check "it leaves every other alone" device_is_left
    check "the manual page is there" manual
    check "the completions are" test -s "$root/usr/share/bash-completion/completions/reader"
    check "nothing is enabled" absent /etc/systemd/system/multi-user.target.wants/mdoc-reader.service
}

# As systemd of this machine reads it, which need not have the program.
unit_is_in_order() {
    sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$store/mdoc-reader.service" >"$store/read/mdoc-reader.service"
    local said
    said=$(systemd-analyze verify --man=no "$store/read/mdoc-reader.service" 2>&1 | grep mdoc-reader.service || true)
    [ -z "$said" ] || { echo "$said"; return 1; }
}

# The twin: a setting that does not exist.
misspelt_unit_is_not() {
    sed -i 's/^LimitCORE/LimitCOREE/' "$store/read/mdoc-reader.service"
    systemd-analyze verify --man=no "$store/read/mdoc-reader.service" 2>&1 | grep LimitCOREE >/dev/null
}

# udev NAME : what udev makes of a serial port that the operator gave this name, in a view of /sys that ends with it.
udev() {
    mkdir -p "$root/etc/udev/rules.d"
    printf 'SUBSYSTEM=="tty", ENV{ID_MDOC_READER}="%s"\n' "$1" >"$root/etc/udev/rules.d/65-counter.rules"
    unshare -m sh -c 'mount --rbind /sys "$1/sys" && exec chroot "$1" udevadm test /sys/class/tty/tty' - "$root" >"$store/udev" 2>&1 || true
    rm -rf "$root/etc/udev/rules.d/65-counter.rules" "$root/run/udev" "$root/dev/char" "$root/dev/mdoc-reader"
    grep -q 'Reading rules file: /usr/lib/udev/rules.d/70-mdoc-reader.rules' "$store/udev" || { tail -n 5 "$store/udev"; return 1; }
    ! grep -E '70-mdoc-reader.rules:[0-9]+ (Unknown|Invalid|.*ignoring)' "$store/udev"
}

device_is_named() {
    udev scanner || return 1
    grep "70-mdoc-reader.rules:[0-9]* LINK 'mdoc-reader/scanner'" "$store/udev" &&
        grep "70-mdoc-reader.rules:[0-9]* GROUP $(inside getent group mdoc-reader | cut -d: -f3)" "$store/udev" || { tail -n 20 "$store/udev"; return 1; }
}

# A name that leads elsewhere, and none.
device_is_left() {
    local name
    for name in '../sda' ''; do
        udev "$name" || return 1
        ! grep -E '70-mdoc-reader.rules:[0-9]+ (LINK|GROUP|MODE)' "$store/udev" || return 1
    done
}

in_groups() {
    local groups
    groups=" $(inside id -nG mdoc-reader) "
    case $groups in *" input "*) echo "it would see every keyboard"; return 1 ;; esac
    case $groups in *" bluetooth "*) ;; *) echo "$groups"; return 1 ;; esac
    case $groups in *" dialout "*) ;; *) echo "$groups"; return 1 ;; esac
}

# minbase roots may leave manual pages out (dpkg's path-exclude): asked of the package itself.
manual() { dpkg-deb --contents "$package" | grep ' ./usr/share/man/man1/reader.1' >/dev/null; }

upgraded() {
    echo '# edited' >>"$root/etc/mdoc-reader/reader.toml"
    check "upgrades over itself" inside apt-get install -y -qq --reinstall /opt/mdoc-reader.deb
    check "an edited configuration stays" grep -qx '# edited' "$root/etc/mdoc-reader/reader.toml"
}

removed() {
    check "is removed" inside apt-get remove -y -qq mdoc-reader
    check "the program is gone" absent /usr/bin/reader
    check "the configuration is not" grep -qx '# edited' "$root/etc/mdoc-reader/reader.toml"
}

purged() {
    mkdir -p "$root/var/lib/mdoc-reader"
    mkdir "$root/var/lib/mdoc-reader/bundles"
    touch "$root/var/lib/mdoc-reader/bundles/1.bundle"
    # What the operator put there, as the handbook says, and where it might have been put.
    for key in "${keys[@]}"; do
        touch "$root$key"
        inside chown mdoc-reader:mdoc-reader "$key"
        inside chmod 600 "$key"
    done
    check "is purged" inside apt-get purge -y -qq mdoc-reader
    for key in "${keys[@]}"; do
        check "$key stays, and is root's" mode_is "root:root 600" "$key"
        rm -f "$root$key"
    done
    rmdir "$root/var/lib/mdoc-reader" "$root/etc/mdoc-reader"
    rm -f "$root/opt/"*
    files >"$store/after"
    check "nothing is left" diff "$store/before" "$store/after"
    check "nor is its user" ends 1 grep -E '^mdoc-reader:' "$root/etc/passwd" "$root/etc/group"
}

main "$@"
