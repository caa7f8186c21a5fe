/**
 * halb: arguments → command. Each command is a file in `mod/cli/`, loaded when it is asked for, so
 * that none pays for what only another one needs.
 *
 * @module
 */

import { type CommonValues, parseArguments, UsageError } from "./mod/cli/arguments.ts";
import { startWorkersEarly } from "./mod/agent/workers.ts";
import { helpText, isCommand } from "./mod/cli/help.ts";
import { helpOn, noSuchCommand, requireHeeded } from "./mod/cli/usage.ts";

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArguments(args);
  const [first, ...rest] = positionals;
  if (values.version) return await run("version", [], values);
  if (first === undefined) {
    if (values.help || args.length === 0) return say(helpText());
    if (values.config === undefined) throw new UsageError("a command or --config FILE is missing");
    requireHeeded("run", values);
    return await run("run", [], values);
  }
  if (first === "help") return say(helpOn(rest[0]));
  if (!isCommand(first)) throw noSuchCommand(first);
  if (values.help) return say(helpText(first));
  requireHeeded(first, values);
  return await run(first, rest, values);
}

async function run(
  command: string,
  operands: readonly string[],
  values: CommonValues,
): Promise<number> {
  const json = values.json ?? false;
  switch (command) {
    case "run": {
      if (values.config === undefined) {
        const [file = "FILE"] = operands;
        throw new UsageError(`run needs --config ${file}`);
      }
      expectOperands(operands, 0);
      startWorkersEarly();
      const { runCommand } = await import("./mod/cli/run.ts");
      return await runCommand(values.config, {
        ...named(values),
        ...(values.control === undefined ? {} : { control: values.control }),
        color: colors(Deno.stderr),
        takeOver: values["take-over"] ?? false,
      });
    }
    case "check": {
      const files = operands.length > 0 ? operands : values.config ? [values.config] : [];
      if (files.length === 0) throw new UsageError("check needs at least one FILE");
      const { checkCommand } = await import("./mod/cli/check.ts");
      const host = values.host ?? false;
      const { capabilities } = values;
      const allowed = capabilities === undefined ? {} : { capabilities };
      const options = { ...named(values), ...allowed, json, host, color: colors(Deno.stdout) };
      const { exitCode, output } = checkCommand([...files], options);
      say(output);
      return exitCode;
    }
    case "doctor": {
      expectOperands(operands, 1);
      const { doctorCommand } = await import("./mod/cli/doctor.ts");
      const options = {
        ...named(values),
        json,
        color: colors(Deno.stdout),
        listen: values.listen ?? true,
        ...(Deno.stderr.isTerminal() ? { progress: showProgress } : {}),
      };
      const { exitCode, output } = await doctorCommand(operands[0] ?? values.config, options);
      options.progress?.("");
      say(output);
      return exitCode;
    }
    case "status": {
      expectOperands(operands, 1);
      const { statusCommand } = await import("./mod/cli/status.ts");
      const [name] = operands;
      const options = { ...(name === undefined ? {} : { name }), json, color: colors(Deno.stdout) };
      const { exitCode, output } = await statusCommand(await controlPath(values), options);
      if (exitCode === 0) say(output);
      else console.error(output);
      return exitCode;
    }
    case "events": {
      expectOperands(operands, 1);
      const [name] = operands;
      if (values.recording !== undefined) {
        const { recordCommand } = await import("./mod/cli/replay.ts");
        return say(await recordCommand(await controlPath(values), values.recording, name));
      }
      const { eventsCommand } = await import("./mod/cli/events.ts");
      const { follow = false, since, type, last } = values;
      return await eventsCommand(await whereabouts(values), {
        ...(name === undefined ? {} : { name }),
        ...(since === undefined ? {} : { since }),
        ...(type === undefined ? {} : { type }),
        ...(last === undefined ? {} : { last }),
        follow,
        json,
        color: colors(Deno.stdout),
      });
    }
    case "replay": {
      const [file] = operands;
      if (file === undefined) throw new UsageError("replay needs a RECORDING");
      expectOperands(operands, 1);
      const { replayCommand } = await import("./mod/cli/replay.ts");
      return replayCommand(file, json, say);
    }
    case "why": {
      if (operands.length === 0) throw new UsageError("why needs a NAME, or a VS and an RS");
      expectOperands(operands, 2);
      const { whyCommand } = await import("./mod/cli/why.ts");
      const where = await whereabouts(values);
      const { exitCode, output } = await whyCommand(where, operands.join(" "), json);
      if (exitCode === 1) console.error(output);
      else say(output);
      return exitCode;
    }
    case "reload": {
      expectOperands(operands, 0);
      const { reloadCommand } = await import("./mod/cli/reload.ts");
      const { "confirm-within": confirmWithin, "roll-back": rollBack, confirm, cancel, at } =
        values;
      const { exitCode, output } = await reloadCommand(await controlPath(values), {
        json,
        ...(confirmWithin === undefined ? {} : { confirmWithin }),
        ...(rollBack === undefined ? {} : { rollBack }),
        ...(confirm === undefined ? {} : { confirm }),
        ...(cancel === undefined ? {} : { cancel }),
        ...(at === undefined ? {} : { at }),
        ...(values.in === undefined ? {} : { in: values.in }),
      });
      if (exitCode === 0 || json) say(output);
      else console.error(output);
      return exitCode;
    }
    case "plan": {
      expectOperands(operands, 1);
      const { planCommand } = await import("./mod/cli/plan.ts");
      const options = { ...named(values), json, color: colors(Deno.stdout) };
      const control = await controlPath(values);
      const { exitCode, output } = await planCommand(control, operands[0], options);
      return say(output) || exitCode;
    }
    case "release":
    case "claim": {
      const [name] = operands;
      if (name === undefined) {
        throw new UsageError(`${command} needs the NAME of a virtual router or sync group`);
      }
      expectOperands(operands, 1);
      const { overrideCommand } = await import("./mod/cli/override.ts");
      const time = values.for === undefined ? {} : { time: values.for };
      const control = await controlPath(values);
      const { exitCode, output } = await overrideCommand(command, name, control, { ...time, json });
      say(output);
      return exitCode;
    }
    case "watch": {
      expectOperands(operands, 0);
      const { watchCommand } = await import("./mod/cli/watch.ts");
      return await watchCommand(await controlPath(values), colors(Deno.stdout));
    }
    case "log": {
      expectOperands(operands, 2);
      const { logCommand } = await import("./mod/cli/log.ts");
      return say(await logCommand(operands, values.for, await controlPath(values), json));
    }
    case "bfd": {
      const [action, name] = operands;
      if ((action !== "down" && action !== "up") || name === undefined) {
        throw new UsageError("bfd needs down or up, and the NAME of a session");
      }
      expectOperands(operands, 2);
      const { bfdCommand } = await import("./mod/cli/bfd.ts");
      const output = await bfdCommand(action, name, await controlPath(values), json);
      return say(output);
    }
    case "drain":
    case "undrain":
    case "weight": {
      const { balanceCommand } = await import("./mod/cli/balance.ts");
      const { timeout, wait = true } = values;
      const { exitCode, output } = await balanceCommand(
        command,
        operands,
        await controlPath(values),
        {
          json,
          wait,
          ...(timeout === undefined ? {} : { timeout }),
          ...(Deno.stderr.isTerminal() ? { progress: showProgress } : {}),
        },
      );
      say(output);
      return exitCode;
    }
    case "servers": {
      const { serversCommand } = await import("./mod/cli/servers.ts");
      return say(await serversCommand(operands, await controlPath(values), json));
    }
    case "upgrade": {
      expectOperands(operands, 0);
      const { upgradeCommand } = await import("./mod/cli/upgrade.ts");
      const binary = values.binary === undefined ? {} : { binary: values.binary };
      const { exitCode, output } = await upgradeCommand(await controlPath(values), {
        ...binary,
        json,
      });
      if (exitCode === 0 || json) say(output);
      else console.error(output);
      return exitCode;
    }
    case "convert": {
      const [file] = operands;
      if (file === undefined) throw new UsageError("convert needs a keepalived.conf");
      expectOperands(operands, 1);
      const { convertCommand } = await import("./mod/cli/convert.ts");
      const { output: path, to } = values;
      const { exitCode, output, report } = convertCommand(file, {
        ...named(values),
        ...(path === undefined ? {} : { output: path }),
        ...(to === undefined ? {} : { to }),
        json,
      });
      if (report !== "") console.error(report);
      if (output !== "") console.log(output.trimEnd());
      return exitCode;
    }
    case "cleanup": {
      expectOperands(operands, 1);
      const { cleanupCommand } = await import("./mod/cli/cleanup.ts");
      const { exitCode, output } = await cleanupCommand(operands[0] ?? values.config, {
        ...(values.control === undefined ? {} : { control: values.control }),
        ...named(values),
        json,
        color: colors(Deno.stderr),
        dryRun: values["dry-run"] ?? false,
        ...(values["after-stop"] ? { afterStop: Deno.env.get("SERVICE_RESULT") ?? "" } : {}),
      });
      if (exitCode === 0 || json) say(output);
      else console.error(output);
      return exitCode;
    }
    case "simulate": {
      if (operands.length === 0) throw new UsageError("simulate needs at least one FILE");
      const { simulateCommand } = await import("./mod/cli/simulate.ts");
      const { writePicture } = await import("./mod/cli/picture.ts");
      const { exitCode, output, picture } = simulateCommand(operands, {
        ...values,
        json,
        color: colors(Deno.stdout),
        ...(Deno.stderr.isTerminal() ? { progress: showProgress } : {}),
      });
      say(output);
      if (picture !== undefined) writePicture(values.svg!, picture);
      return exitCode;
    }
    case "init": {
      expectOperands(operands, 0);
      const { initCommand } = await import("./mod/cli/init.ts");
      const { defaultInterface } = await import("./mod/cli/init_host.ts");
      // Questions go to standard output: where that is a file they would stand in the site, unseen.
      const terminal = Deno.stdin.isTerminal() &&
        (values.output !== undefined || Deno.stdout.isTerminal());
      return say(initCommand({
        ...values,
        usualInterface: defaultInterface(),
        ...(terminal ? { ask: (question) => prompt(question), say: console.error } : {}),
      }));
    }
    case "completions": {
      const { candidatesText, completionScript, shells } = await import("./mod/cli/completions.ts");
      const [shell = "", ...words] = operands;
      // What the scripts ask themselves.
      if (shell === "candidates") {
        const found = await candidatesText(words);
        return found === "" ? 0 : say(found);
      }
      expectOperands(operands, 1);
      const script = completionScript(shell);
      if (script === undefined) {
        throw new UsageError(`completions needs a shell: one of ${shells().join(", ")}`);
      }
      return say(script.trimEnd());
    }
    case "schema": {
      expectOperands(operands, 0);
      const { schemaCommand } = await import("./mod/cli/schema.ts");
      return say(schemaCommand());
    }
    default: {
      expectOperands(operands, 0);
      const { versionCommand } = await import("./mod/cli/version.ts");
      return say(versionCommand(json));
    }
  }
}

/** As whom a configuration is read. */
function named({ name, instance }: CommonValues): { name?: string; instance?: string } {
  return {
    ...(name === undefined ? {} : { name }),
    ...(instance === undefined ? {} : { instance }),
  };
}

function expectOperands(operands: readonly string[], most: number): void {
  if (operands.length > most) throw new UsageError(`unexpected argument "${operands[most]}"`);
}

/** Where the agent listens: said, or in its configuration, or where it does by default. */
async function controlPath(values: CommonValues): Promise<string> {
  return values.control ?? (await whereabouts(values)).control;
}

/** The same, and its state directory; undefined: nobody knows. */
async function whereabouts(
  values: CommonValues,
): Promise<{ control: string; stateDirectory?: string }> {
  if (values.config === undefined) {
    if (values.control !== undefined) return { control: values.control };
    const { controlOf, stateDirectoryOf } = await import("./config/instances.ts");
    const { instance } = values;
    return { control: controlOf(instance), stateDirectory: stateDirectoryOf(instance) };
  }
  const { formatProblem, loadSite, systemOptions } = await import("./config/mod.ts");
  const loaded = loadSite(values.config, systemOptions(named(values)));
  if (loaded.ok) {
    const { agent } = loaded.site;
    return { control: values.control ?? agent.control, stateDirectory: agent.state_directory };
  }
  const [problem] = loaded.problems;
  const why = formatProblem(problem!, { color: false });
  throw new UsageError(`"${values.config}" is not valid: see halb check ${values.config}\n${why}`);
}

function say(text: string): 0 {
  console.log(text);
  return 0;
}

/** Writes a line over the one before; an empty one takes that away. */
function showProgress(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`\r${line}\x1b[K`));
}

function colors(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && !Deno.noColor;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    // Whoever reads has seen enough (`halb schema | head`): as who is ended by SIGPIPE.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(141);
    console.error(`halb: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof UsageError) {
      const command = Deno.args.find(isCommand);
      console.error(`Try: halb ${command === undefined ? "" : `${command} `}--help`);
      Deno.exit(2);
    }
    Deno.exit(error instanceof Error && error.name === "AgentUnreachable" ? 3 : 1);
  }
}
