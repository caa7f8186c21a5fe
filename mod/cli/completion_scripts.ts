/**
 * What a shell has to do to complete command lines of halb: ask halb, and show the answer. All that
 * can be known is known there, so that a script need not be made anew with each version.
 *
 * @module
 */

/** Colons are part of addresses, and break words in bash: a word is put together again. */
const BASH = `# bash completion for halb: made by "halb completions bash"
_halb() {
  local line=\${COMP_LINE:0:COMP_POINT} words word about cur colons
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=\${words[\${#words[@]} - 1]}
  COMPREPLY=()
  # Bash puts the answer in place of what follows the last of its own breaks.
  colons=
  [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && colons=\${cur%"\${cur##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $cur == --*=* && -z $colons ]] && colons=\${cur%%=*}=
  while IFS=$'\\t' read -r word about; do
    if [[ $word == :files ]]; then
      compopt -o filenames 2>/dev/null
      word=$cur
      [[ $word == --*=* ]] && word=\${word#*=}
      while IFS= read -r about; do COMPREPLY+=("$about"); done < <(compgen -f -- "$word")
    elif [[ -n $word ]]; then
      COMPREPLY+=("\${word#"$colons"}")
    fi
  done < <("\${words[0]}" completions candidates -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _halb halb
`;

const ZSH = `#compdef halb
# zsh completion for halb: made by "halb completions zsh"
_halb() {
  local word about
  local -a plain told
  while IFS=$'\\t' read -r word about; do
    if [[ $word == :files ]]; then
      [[ $PREFIX == --*=* ]] && compset -P '*='
      _files
    elif [[ -n $about ]]; then
      told+=("$word:$about")
    elif [[ -n $word ]]; then
      plain+=("$word")
    fi
  done < <("$words[1]" completions candidates -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
  (( $#told )) && _describe -t commands 'command' told
  (( $#plain )) && compadd -a plain
  return 0
}
if [[ $funcstack[1] == _halb ]]; then _halb "$@"; else compdef _halb halb; fi
`;

const FISH = `# fish completion for halb: made by "halb completions fish"
function __halb_candidates
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] completions candidates -- $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (string replace -r -- '^--[a-z-]+=' '' "$current")
        else
            echo $line
        end
    end
end
complete -c halb -f -a '(__halb_candidates)'
`;

/** The script for each shell. */
export const SHELL_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
