/**
 * What `--help` says, for halb as a whole and for each command.
 *
 * @module
 */

import { SUBSYSTEMS } from "../../config/log_levels.ts";
import { EVENT_TYPES } from "../events/mod.ts";

/** Types of events, in two lines. */
const TYPES = `${EVENT_TYPES.slice(0, 8).join(", ")},\n                   ${
  EVENT_TYPES.slice(8).join(", ")
}`;

const GENERAL = `halb: high availability for Linux edge boxes and routers

  halb --config site.toml            run the agent in the foreground (or: halb run --config …)
  halb check    site.toml...         validate configuration files; --json, --host
  halb doctor   [site.toml] [--json] look for what breaks such a setup on this host
  halb plan     [site.toml] [--json] what a reload would change; changes nothing
  halb reload                        let the running agent apply its file again (or send SIGHUP)
  halb status   [NAME] [--json]      what is going on now
  halb events   [NAME] [--follow]    what happened, with its cause: the flight recorder
  halb why      NAME | VS RS         why it is in the state it is in, in sentences
  halb replay   RECORDING            run a recording through the state machines again
  halb release  NAME [--for 10m]     let another node be master of a router or sync group
  halb claim    NAME                 be its master here
  halb drain    VS RS [--timeout 1m] take a real server out when its connections are over
  halb undrain  VS RS                put it back
  halb weight   VS RS N|configured   give it another weight, or its own
  halb servers  VS [add|remove|set]  real servers beside those of the configuration
  halb bfd      down NAME | up NAME  take a BFD session down, or let it come up again
  halb watch                         a live view in a terminal; ? shows its keys
  halb log      [LEVEL [SUBSYSTEM]]  what is logged, and how much; --for 10m
  halb upgrade  [--binary PATH]      hand over to a new process, without a failover
  halb convert  keepalived.conf      write a site.toml that does the same; -o FILE
  halb cleanup  [site.toml]          remove what a killed agent left in the kernel; --dry-run
  halb simulate a.toml b.toml        what nodes do together when things fail, in virtual time
  halb init     [-o site.toml]       write a commented site for two nodes
  halb schema                        JSON Schema of site.toml, for editors
  halb completions bash|zsh|fish     let a shell complete such command lines
  halb version  [--json]

Options
  -c, --config FILE    the site's configuration
      --control PATH   the agent's control socket (default: the one FILE names, else
                       /run/halb/control.sock)
      --instance NAME  the agent of that name, where several work on one host, in place of
                       agent.instance; its control socket is /run/halb-NAME/control.sock
      --name NAME      this node's name for by_host, instead of agent.name or the host name
      --json           output for programs
  -h, --help           this text; with a command: the command's
  -V, --version

Exit codes: 0 did it, 1 failed, 2 wrong usage or invalid configuration, 3 no agent answers,
4 a privilege or a kernel feature is missing.`;

const COMMANDS: Record<string, string> = {
  run: `halb run --config FILE [--name NAME] [--instance NAME] [--take-over]

Runs the agent in the foreground. TERM and INT hand over and stop (a second one stops at once), HUP
reloads FILE, USR1 writes the state to STATE_DIRECTORY/dump.json, USR2 counters to stats.json.

--instance: one of several agents on this host. Each has its own control socket, state directory and
marks in the kernel; what it claims in a network namespace no other one can.

With --take-over [--control PATH] it takes the place of the agent that runs at the same control
socket, without a failover; that one ends. "halb upgrade" starts such a process by itself.

  halb run --config site.toml --name edge-a`,
  check: `halb check FILE... [--capabilities LIST] [--host] [--name NAME] [--instance NAME] [--json]

Validates configuration files as node NAME would read them. Every error comes with its place. With
--host it also warns of what this host lacks for them, as "halb doctor" does; that never makes a
file invalid. With --capabilities it refuses, with exit code 4 and by file and line, what an agent
that has no others cannot do: cap_net_raw,cap_net_admin, or none.

  halb check site.toml --name edge-b`,
  doctor: `halb doctor [FILE] [--no-listen] [--name NAME] [--instance NAME] [--json]

Looks for what breaks the site of FILE on this host: interfaces, addresses, modules and settings of
the kernel, ways to real servers and back, firewalls, other daemons; each with what to do about it.
It listens to other virtual routers for three of their intervals, unless --no-listen: to who has the
same virtual router id, other addresses, another version or clock, and whose adverts do not arrive.
Without FILE, for what would break any. Changes nothing. Exit code 0 where nothing was found but
advice, 1 where something was.

  halb doctor site.toml`,
  plan: `halb plan [FILE] [--name NAME] [--json] [--control PATH | --config FILE | --instance NAME]

What a reload of the running agent would change, a line each, and what follows from it as things
stand: who becomes master when, which connections end. "!" marks what users of the service may
notice. Changes nothing. Without FILE the agent reads its own file, as a reload would; with FILE
that one is read here, as the running node, and compared with what runs. Exit code 0 where a reload
would be done (or has nothing to do), 2 where it would be refused.

  halb plan
  halb plan site.toml.new`,
  reload: `halb reload [--confirm-within 2m] [--at 02:00 | --in 10m]
halb reload --confirm | --roll-back | --cancel

The running agent reads its own file again and applies the difference. An invalid file changes
nothing, and its errors are shown.

      --confirm-within TIME   goes back to what runs now unless --confirm comes in time, from 1s to
                              7d; also where the agent dies or is started again meanwhile
      --confirm               what runs stays
      --roll-back             goes back now
      --at TIME, --in TIME    later: at a time of day (the next 02:00 here) or a point in time, or
                              in so long; in place of one that is scheduled already
      --cancel                takes a reload for later back

  halb reload --config site.toml
  halb reload --confirm-within 2m && ping -c 3 192.0.2.10 && halb reload --confirm`,
  status: `halb status [NAME] [--json] [--control PATH | --config FILE | --instance NAME]

Shows all virtual routers and BFD sessions, or everything about the one called NAME.

  halb status web
  halb status --json | jq '.vrrp[].state'`,
  events: `halb events [NAME] [--follow] [--json] [--since 10m] [--type TYPE,...] [--last N]

Shows what the flight recorder has kept: changes of state with their cause, addresses put and
removed, refused packets, reloads, orders of operators. With NAME, what is about the virtual router,
group, BFD session, virtual server, real server ("VS RS"), check, tracker or interface of that name.

  -f, --follow     go on, and show each event as it happens
      --since      a time ago (10m, 2h), or a point in time (2026-11-22T07:00:00Z)
      --type       ${TYPES}
      --last N     the newest N, up to 10000: 100 unless --since is given
      --json       one JSON object on a line
      --recording FILE what the state machines were told and decided, into a new file, for
                   "halb replay"

Where no agent runs, it is read from the state directory that --config FILE names.

  halb events web --since 1h
  halb events --follow --json --type vrrp,bfd`,
  why: `halb why NAME | VS RS [--json] [--control PATH | --config FILE | --instance NAME]

Says why the virtual router, sync group, BFD session, virtual server, check or tracker NAME, or the
real server RS of the virtual server VS, is in the state it is in: since when, what led to it, what
it waits for now, and what would change it.

  halb why web`,
  replay: `halb replay RECORDING [--json]

Runs what the state machines (of virtual routers, groups, BFD sessions, checks, scripts, trackers
and virtual servers) were told through the same machines again, in no time, shows what they do, and
compares that with what they did then. Exit code 1: a
decision differs, and the first that does is named. No agent is needed. A recording has what led to
the newest changes of state, and no secrets:

  halb events web --recording web.rec && halb replay web.rec`,
  release: `halb release NAME [--for DURATION] [--json]
          [--control PATH | --config FILE | --instance NAME]

Hands the virtual router or sync group NAME over without a lost packet: this node resigns, goes on
answering until its successor does, and then stays behind all others, with priority 1, until
"halb claim", until DURATION is over, or until the agent is started again. If no other node is there
it becomes master again. A member of a sync group takes the others along.

  halb release site --for 10m`,
  claim: `halb claim NAME [--json] [--control PATH | --config FILE | --instance NAME]

Makes this node master of the virtual router or sync group NAME: it advertises priority 254 from now
on, for as long as it is master. That is refused where the present master owns the addresses
(priority 255), and while something keeps this node out of the election. It ends a release.

  halb claim site`,
  drain: `halb drain VS RS [--timeout DURATION] [--no-wait] [--json]

Takes the real server RS of the virtual server VS out: it gets no new connections from now on, and
leaves the table when the others are over, or after DURATION (0s: however long they last; without
the option, the server's drain_timeout). The command shows what is left each second and ends with
the drain; with --no-wait it ends at once. The drain goes on either way, through reloads and
"halb upgrade", and holds until "halb undrain". It takes --control and --config, too.

  halb drain web-http 198.51.100.11:8080 --timeout 60s`,
  undrain: `halb undrain VS RS [--json] [--control PATH | --config FILE | --instance NAME]

Puts the real server RS of the virtual server VS back after "halb drain", also before that is over.

  halb undrain web-http 198.51.100.11:8080`,
  weight: `halb weight VS RS N|configured [--json]
          [--control PATH | --config FILE | --instance NAME]

Gives the real server RS of the virtual server VS the weight N, 0 to 65535, in place of the
configured one, until "configured" gives that back. It holds through reloads and "halb upgrade".

  halb weight web-http 198.51.100.11:8080 5`,
  servers: `halb servers VS [add SERVER [WEIGHT]... | remove SERVER... | set] [--json]

Shows the real servers that the virtual server VS has beside those of the configuration, or changes
those that were added by this command: "set" reads the whole list from its standard input, a server
on each line as in a servers_file. They hold through reloads and "halb upgrade" and after a crash,
and are forgotten when the agent stops. A server that is configured, or in the servers_file, is what
that says. It takes --control and --config, too.

  halb servers web-http add 198.51.100.13:8080 10`,
  bfd: `halb bfd down|up NAME [--json] [--control PATH | --config FILE | --instance NAME]

down: the BFD session NAME goes to AdminDown, and the other side is told so. It stays there across
reloads and "halb upgrade", until "halb bfd up" or a restart of the agent. For routers that track it
that is a failure unless its admin_down_is_failure is false.

up: it may come up again.

  halb bfd down to-peer`,
  watch: `halb watch [--control PATH | --config FILE | --instance NAME]

A live view of routers, groups, BFD sessions, pools, checks and recent events, each second. Keys
choose, sort, filter and open them, and drain servers; ? shows them. It goes on through reloads,
"halb upgrade" and restarts of the agent. NO_COLOR=1 in the environment: no colours.

  halb watch --config site.toml`,
  log: `halb log [LEVEL|configured [SUBSYSTEM]] [--for DURATION] [--json]

Shows the levels of the running agent's log, and its targets; or changes the level of SUBSYSTEM, or
of all: debug, info, warning or error, until DURATION is over or the agent ends, through reloads.
"configured" ends that. At debug each advert that is heard and each timer that fires is told, too.
It takes --control and --config, too. The subsystems are:
${Object.keys(SUBSYSTEMS).join(", ")}.

  halb log debug vrrp --for 10m`,
  upgrade: `halb upgrade [--binary PATH] [--json] [--control PATH | --config FILE | --instance NAME]

The running agent starts PATH, by default the file that it was started from, with its own arguments.
The new process boots, reads the configuration, and takes over: states, timers and addresses stay as
they are, and no peer notices. Where that fails the running agent goes on, and the reason is shown.

  install -m 0755 halb-new /usr/local/bin/halb && halb upgrade`,
  convert: `halb convert FILE [-o FILE] [--name NAME] [--to halb|keepalived] [--json]

Writes what a keepalived.conf says as a site.toml, on standard output or into a new file, and tells
on standard error what became of it: what has an equivalent that is not quite the same, what is not
needed, what is dropped and what to do instead, each with its line. Lines for some hosts (@id)
become by_host. NAME stands for \${_INSTANCE}, in place of the host name. The result is checked as
"halb check" does: exit code 1 where it needs your hand first, 0 else, whatever is dropped. --json:
the report for programs, with the numbers of what was dropped and the like in \`counts\`.

--to keepalived: the other way, a keepalived.conf of what a site.toml says to the host NAME, for
pairs of which one node still runs keepalived; and what keepalived has no word for, with its line.
Exit code 2 where FILE is not valid for NAME, 0 else, whatever is dropped.

  halb convert /etc/keepalived/keepalived.conf -o site.toml && halb check site.toml
  halb convert site.toml --name edge-b --to keepalived -o keepalived.conf`,
  cleanup: `halb cleanup [FILE] [--dry-run] [--name NAME] [--instance NAME] [--json]

Removes what an agent that was killed has left in the kernel: addresses, routes and rules with its
protocol number (112, or its instance's own), interfaces of virtual MACs and what they changed, and
the virtual servers, firewall marks, timeouts and sync daemons that it had noted in its state
directory. Nothing else is touched, and nothing of another instance. FILE says which network
namespaces, and where the control socket and the state directory are; without it the instance's
/etc/halb/NAME.toml does, or where there is none, all is where it is by default. It is refused while
the agent runs there; one that is started adopts or removes all that by itself.

      --dry-run     say what would be removed
      --after-stop  for ExecStopPost of a systemd unit: do nothing unless the service was killed for
                    good; what is left by an agent that crashed waits for its restart

Exit code 1: something is still there.

  halb cleanup site.toml`,
  simulate: `halb simulate [NAME=]FILE... [--script FILE] [--seed N] [--duration TIME] [--json]
              [--svg PICTURE]

Runs the state machines of all nodes in virtual time on a simulated network, lets happen what the
script says, and shows who held which address when, for how long nobody did, and for how long two
did. Each FILE is a node, called as its agent.name says, as NAME, or as the file. Without a script
each node is stopped, killed and powered off in turn. Nothing is touched, and no privilege needed.

      --script FILE    what fails when, and what must be so: docs/simulate.md
      --seed N         another chance; the same seed gives the same result
      --duration TIME  how long, such as 60s or 365d
      --svg PICTURE    writes a picture of it, too, a new file or in place of an older picture

Exit code: 1 where something that the script expects is not so, 2 where a file is not valid.

  halb simulate a.toml b.toml --script failures.toml
  halb simulate node-a=site.toml node-b=site.toml --svg timeline.svg`,
  init: `halb init [-o SITE.TOML] [--nodes A,B] [--interface IF] [--addresses LIST] [--id N]
          [--unicast A,B] [--port N --real-servers LIST [--forward nat|direct|tunnel]]

Writes a commented site for two nodes with the virtual ADDRESSES, on standard output or into a new
file. What the options do not say is asked for on a terminal; elsewhere --nodes and --addresses are
needed. --unicast: the nodes' own addresses, where the network carries no multicast. With --port the
TCP service at the first address is balanced over the real servers.

  halb init --nodes edge-a,edge-b --addresses 192.0.2.10/24 -o site.toml`,
  schema: `halb schema

Prints the JSON Schema of site.toml: editors complete and check by it.

  halb schema > site.schema.json`,
  completions: `halb completions bash|zsh|fish

Prints the script by which a shell completes command lines of halb: commands, options, files, and
the names of routers, sessions and servers, of the running agent or of the file that --config names.

  halb completions bash > /usr/share/bash-completion/completions/halb
  halb completions zsh > /usr/local/share/zsh/site-functions/_halb
  halb completions fish > ~/.config/fish/completions/halb.fish`,
  version: `halb version [--json]

Prints the version.`,
};

/** The text for `command`, or the general one. */
export function helpText(command?: string): string {
  return command === undefined ? GENERAL : COMMANDS[command] ?? GENERAL;
}

export function isCommand(name: string): boolean {
  return Object.hasOwn(COMMANDS, name);
}

/** All commands, for a suggestion. */
export function commandNames(): string[] {
  return Object.keys(COMMANDS);
}

/** The line that says what a command takes, without "halb" and its name. */
export function usageOf(command: string): string {
  const [first = ""] = helpText(command).split("\n");
  return first.replace(/^halb \S+\s*/, "");
}
