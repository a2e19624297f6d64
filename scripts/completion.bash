# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Completion of branchguard and branchguard-fleet for bash, one file for each. `make` puts the
# table that the program prints (`branchguard --options`) behind it, into
# $_branchguard_options: a line an option, VERB,KIND,--NAME,-LETTER,ARGUMENT. What it
# proposes is never asked of the program.

declare -gA _branchguard_options

# Proposes nothing where any value will do (an address, a branch).
_branchguard() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb kind name letter argument
	local verbs=() options=(--help) value=none operand=none known=

	# --option=value is three words to bash.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	while IFS=, read -r verb kind name letter argument; do
		[ "$kind" != verb ] || verbs+=("$verb")
		[ "$verb" = "${COMP_WORDS[1]}" ] || continue
		case $kind in
		verb) known=1 ;;
		operand) operand=$argument ;;
		*)
			options+=("$name")
			if [ "$kind" != flag ] && [[ $prev = "$name" || ($letter && $prev = "$letter") ]]; then
				value=$kind:$argument
			fi
			;;
		esac
	done <<<"${_branchguard_options[${COMP_WORDS[0]##*/}]:-}"

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "${verbs[*]} --help --version" -- "$cur")
	elif [ -z "$known" ]; then
		return
	elif [ "$value" != none ]; then
		_branchguard_value "$value"
	elif [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$cur")
	elif [ "$operand" = VERB ]; then
		mapfile -t COMPREPLY < <(compgen -W "${verbs[*]}" -- "$cur")
	elif [ "$operand" != none ]; then
		_branchguard_value "file:$operand"
	fi
}

_branchguard_value() {
	local words

	case $1 in
	word:*)
		words=${1#word:}
		mapfile -t COMPREPLY < <(compgen -W "${words//|/ }" -- "$cur")
		;;
	file:DIR)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	file:*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	esac
}

complete -F _branchguard @PROGRAM@
