/**
 * `halb init`: a commented site for two nodes, out of flags, or of questions on a terminal.
 *
 * @module
 */

import { formatProblem, loadSite, systemOptions } from "../../config/mod.ts";
import { UsageError } from "./arguments.ts";
import {
  type Answers,
  siteText,
  words,
  type Wrong,
  wrongAddress,
  wrongInterface,
  wrongName,
  wrongNumber,
  wrongServer,
} from "./init_text.ts";
import { writeNew } from "./new_file.ts";

/** Flags as they were written. */
export interface InitOptions {
  readonly nodes?: string;
  readonly interface?: string;
  readonly addresses?: string;
  readonly id?: string;
  readonly unicast?: string;
  readonly port?: string;
  readonly "real-servers"?: string;
  readonly forward?: string;
  /** Where to write it; absent: standard output. */
  readonly output?: string;
  /** Asks on a terminal: what is typed, null at its end; absent: there is none. */
  readonly ask?: (question: string) => string | null;
  /** Says what is wrong with an answer. */
  readonly say?: (text: string) => void;
  /** The interface of this host's default route. */
  readonly usualInterface: string | undefined;
}

const FORWARDS = ["nat", "direct", "tunnel"] as const;

interface Question {
  readonly flag: Exclude<keyof InitOptions, "output" | "ask" | "say" | "usualInterface">;
  readonly text: string;
  /** What is taken where nothing is typed; absent: an answer is needed. */
  readonly usual?: string;
  readonly example: string;
  wrong(answer: string): Wrong;
}

function questions(usualInterface: string | undefined): Question[] {
  return [
    {
      flag: "nodes",
      text: "Host names of both nodes, the usual master first, with a comma between",
      example: "edge-a,edge-b",
      wrong: (answer) => {
        const names = words(answer);
        if (names.length !== 2 || names[0] === names[1]) {
          return "Two different names, with a comma between";
        }
        return firstWrong(names, wrongName);
      },
    },
    {
      flag: "interface",
      text: "Interface that the virtual addresses go onto",
      ...(usualInterface === undefined ? {} : { usual: usualInterface }),
      example: "eth0",
      wrong: wrongInterface,
    },
    {
      flag: "addresses",
      text: "Virtual addresses, with the lengths of their prefixes",
      example: "192.0.2.10/24",
      wrong: (answer) => {
        const list = words(answer);
        if (list.length === 0) return "One is needed at least";
        return firstWrong(list, (one) => wrongAddress(one, true));
      },
    },
    {
      flag: "id",
      text: "Virtual router id, 1 to 255, no other pair's on this network",
      usual: "51",
      example: "51",
      wrong: (answer) => wrongNumber(answer, 255),
    },
    {
      flag: "unicast",
      text: "The nodes' own addresses where the network carries no multicast; else nothing",
      usual: "",
      example: "192.0.2.1,192.0.2.2",
      wrong: (answer) => {
        const list = words(answer);
        if (list.length !== 0 && list.length !== 2) {
          return "An address of each node, with a comma between, or nothing";
        }
        return firstWrong(list, (one) => wrongAddress(one, false));
      },
    },
    {
      flag: "port",
      text: "Port of a TCP service to balance at the first address; nothing: none",
      usual: "",
      example: "80",
      wrong: (answer) => answer === "" ? undefined : wrongNumber(answer, 65_535),
    },
  ];
}

/** Only where there is a service. */
const SERVICE_QUESTIONS: readonly Question[] = [
  {
    flag: "real-servers",
    text: "Its real servers",
    example: "198.51.100.11:8080,198.51.100.12:8080",
    wrong: (answer) => {
      const list = words(answer);
      return list.length === 0 ? "One is needed at least" : firstWrong(list, wrongServer);
    },
  },
  {
    flag: "forward",
    text: "How packets reach them: nat, direct, tunnel",
    usual: "nat",
    example: "nat",
    wrong: (answer) =>
      FORWARDS.some((one) => one === answer) ? undefined : `"${answer}" is none of them`,
  },
];

function firstWrong(list: readonly string[], wrong: (one: string) => Wrong): Wrong {
  for (const one of list) {
    const why = wrong(one);
    if (why !== undefined) return why;
  }
  return undefined;
}

/**
 * Writes the site.
 *
 * @returns the text for standard output, or the words about the file
 * @throws {UsageError} where a flag is missing or wrong
 * @throws {Error} where the file cannot be written
 */
export function initCommand(options: InitOptions): string {
  const { output } = options;
  const answers = answersOf(options);
  const text = siteText(answers);
  for (const name of answers.nodes) requireValid(output ?? "site.toml", text, name);
  if (output === undefined) return text.trimEnd();
  writeNew(output, text);
  return `${output} is written, for ${
    answers.nodes.join(" and ")
  }. Copy it to both; there, as root:\n` +
    `  halb doctor ${output}\n  halb --config ${output}`;
}

function requireValid(path: string, text: string, name: string): void {
  const system = systemOptions({ name });
  const loaded = loadSite(path, {
    ...system,
    readText: (file) => file === path ? text : system.readText(file),
  });
  if (loaded.ok) return;
  const [problem] = loaded.problems;
  throw new UsageError(`that makes no site: ${formatProblem(problem!, { color: false })}`);
}

function answersOf(options: InitOptions): Answers {
  const answered = new Map<string, string>();
  const answer = (list: readonly Question[]) => {
    for (const question of list) answered.set(question.flag, answerTo(question, options));
  };
  answer(questions(options.usualInterface));
  const port = answered.get("port")!;
  if (port !== "") answer(SERVICE_QUESTIONS);
  else {
    const useless = SERVICE_QUESTIONS.find(({ flag }) => options[flag] !== undefined);
    if (useless !== undefined) {
      throw new UsageError(`--${useless.flag} wants --port, the port of the service`);
    }
  }
  const list = (flag: Question["flag"]): string[] => words(answered.get(flag)!);
  const unicast = list("unicast");
  return {
    nodes: list("nodes") as [string, string],
    interface: answered.get("interface")!,
    addresses: list("addresses"),
    virtualRouterId: Number(answered.get("id")),
    ...(unicast.length === 0 ? {} : { unicast: unicast as [string, string] }),
    ...(port === "" ? {} : {
      server: {
        port: Number(port),
        realServers: list("real-servers"),
        forward: answered.get("forward") as typeof FORWARDS[number],
      },
    }),
  };
}

/** What a flag says, or is typed, or is usual. */
function answerTo(question: Question, options: InitOptions): string {
  const { flag, text, usual, example, wrong } = question;
  const given = options[flag]?.trim();
  if (given !== undefined) {
    const why = wrong(given);
    if (why !== undefined) throw new UsageError(`--${flag}: ${why}; such as --${flag} ${example}`);
    return given;
  }
  const { ask, say } = options;
  if (ask === undefined) {
    if (usual !== undefined) return usual;
    throw new UsageError(`init needs --${flag}, such as --${flag} ${example}`);
  }
  for (;;) {
    const hint = usual === undefined || usual === "" ? `such as ${example}` : usual;
    const typed = ask(`${text} [${hint}]`);
    if (typed === null) throw new UsageError("init was broken off: nothing is written");
    const answer = typed.trim() === "" ? usual ?? "" : typed.trim();
    const why = wrong(answer);
    if (why === undefined) return answer;
    say?.(why);
  }
}
