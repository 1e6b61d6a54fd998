package io.llmdb.examples.gateway;

import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.demo.Demo;
import io.llmdb.examples.gateway.demo.DemoOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command. */
@Command(
        name = "gateway",
        mixinStandardHelpOptions = true,
        version = "llmdb example gateway",
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "A small OpenAI-compatible proxy that keeps keys, budgets and spend in PostgreSQL with llmdb.",
        description = {
            "",
            "Without arguments it starts an embedded PostgreSQL, makes a small company with budgets in it, serves, sends"
                    + " itself made-up traffic over HTTP, says what happened, and checks that the books agree: what the"
                    + " clients saw, the spend log, the daily totals and every counter, request by request and to the last"
                    + " digit. It ends with 0 where they do.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  gateway --requests 20000 --concurrency 64",
            "  gateway --trace conversation.csv --trace code.csv",
            "  gateway --trace code.csv --speed 60         an hour in a minute",
            "  gateway --serve --port 4000                 and prints curl commands to try",
            "  gateway --serve --upstream http://localhost:11434/v1 --prices my-prices.json",
            "",
            "Exit code: 0 the books agree, 1 they do not or something failed, 2 wrong arguments."
        })
public final class Gateway implements Callable<Integer> {

    private static final int GENERATED_REQUESTS = 3_000;

    @Option(
            names = "--requests",
            paramLabel = "N",
            description = "How many requests to make up (default: 3000; none with --serve or --trace).")
    private @Nullable Integer requests;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            description = "What the made-up traffic and the stub's answers follow from (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--concurrency",
            paramLabel = "N",
            defaultValue = "32",
            description = "How many requests are under way at once (default: ${DEFAULT-VALUE}).")
    private int concurrency;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Replays real requests: CSV with TIMESTAMP,ContextTokens,GeneratedTokens. Several files are"
                    + " merged by time. Who asks for which model follows from a row's number alone.")
    private List<Path> traces = new ArrayList<>();

    @Option(
            names = "--speed",
            paramLabel = "N|max",
            defaultValue = "max",
            description = "How many times as fast as the trace's clock; 0 or max: as fast as the answers come"
                    + " (default: ${DEFAULT-VALUE}).")
    private String speed = "max";

    @Option(names = "--serve", description = "Stays up until Ctrl-C and prints commands to try it with, keys included.")
    private boolean serve;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "0",
            description = "The port on localhost (default: a free one).")
    private int port;

    @Option(
            names = "--database-url",
            paramLabel = "URL",
            description = "A PostgreSQL of your own, postgresql://user:password@host:port/database, instead of an"
                    + " embedded one. Others on the machine can see a password here; with --config it may stand in the"
                    + " environment: database_url: os.environ/NAME.")
    private @Nullable String databaseUrl;

    @Option(
            names = "--moved-database-url",
            paramLabel = "URL",
            description = "Where to go on, without a request lost, once the database was moved away with the library's"
                    + " DatabaseMove. Without it requests are refused then.")
    private @Nullable String movedDatabaseUrl;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "A proxy_config.yaml; its general_settings, llm_settings and llmdb sections count, and the"
                    + " environment beneath them.")
    private @Nullable Path config;

    @Option(
            names = "--upstream",
            paramLabel = "URL",
            description = "An OpenAI-compatible server, up to and with /v1, instead of the stub.")
    private @Nullable URI upstream;

    @Option(
            names = "--upstream-key-env",
            paramLabel = "NAME",
            defaultValue = "OPENAI_API_KEY",
            description = "The environment variable with the key for --upstream (default: ${DEFAULT-VALUE}).")
    private String upstreamKeyEnv = "OPENAI_API_KEY";

    @Option(
            names = "--prices",
            paramLabel = "FILE",
            description = "Prices by model, JSON in the form of LiteLLM's price file, instead of the bundled ones.")
    private @Nullable Path prices;

    @Option(
            names = "--stub-latency",
            paramLabel = "MS",
            description = "How long the stub takes on average (default: 25; 0 with --trace).")
    private @Nullable Integer stubLatency;

    @Option(
            names = "--stub-failures",
            paramLabel = "PERCENT",
            description = "How many requests the stub lets fail (default: 2; 0 with --trace).")
    private @Nullable Double stubFailures;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    private Gateway() {}

    /**
     * Runs the command and ends this JVM with its exit code.
     *
     * @param arguments the arguments; {@code --help} explains them
     */
    public static void main(String[] arguments) {
        // jOOQ greets at its first use; on a command line that is in the way.
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
        System.exit(command().execute(arguments));
    }

    static CommandLine command() {
        return new CommandLine(new Gateway()).setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("gateway: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
            return 1;
        });
    }

    @Override
    public Integer call() throws IOException, InterruptedException, SQLException {
        DemoOptions options = options();
        CountDownLatch forever = new CountDownLatch(1);
        try (Demo demo = open(options)) {
            Thread atExit = new Thread(demo::close, "gateway-exit");
            Runtime.getRuntime().addShutdownHook(atExit);
            int exitCode = 0;
            if (demo.hasTraffic()) {
                exitCode = demo.sendTraffic().problems().isEmpty() ? 0 : 1;
            }
            if (serve) {
                demo.printHowToTry();
                forever.await();
            }
            return exitCode;
        }
    }

    private Demo open(DemoOptions options) throws IOException {
        try {
            return Demo.open(options, System.out);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        } catch (LlmDbException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private DemoOptions options() {
        check(concurrency >= 1 && concurrency <= 1_000, "--concurrency must be from 1 to 1000");
        check(port >= 0 && port <= 65_535, "--port must be from 0 to 65535");
        check(
                movedDatabaseUrl == null || databaseUrl != null || config != null,
                "--moved-database-url needs --database-url or --config: an embedded database does not move");
        check(requests == null || requests >= 1, "--requests must be at least 1");
        check(requests == null || traces.isEmpty(), "--requests and --trace exclude each other");
        check(stubLatency == null || stubLatency >= 0, "--stub-latency must be at least 0");
        check(
                stubFailures == null || stubFailures >= 0 && stubFailures <= 100,
                "--stub-failures must be from 0 to 100");
        boolean replay = !traces.isEmpty();
        int generated = requests != null ? requests : serve || replay ? 0 : GENERATED_REQUESTS;
        return new DemoOptions(
                databaseUrl,
                movedDatabaseUrl,
                config,
                port,
                generated,
                concurrency,
                seed,
                traces,
                speed(),
                upstream,
                System.getenv(upstreamKeyEnv),
                prices,
                Duration.ofMillis(stubLatency != null ? stubLatency : replay ? 0 : 25),
                (stubFailures != null ? stubFailures : replay ? 0 : 2) / 100);
    }

    private double speed() {
        if (speed.equalsIgnoreCase("max")) {
            return 0;
        }
        try {
            double value = Double.parseDouble(speed);
            check(value >= 0 && Double.isFinite(value), "--speed must be at least 0, or max");
            return value;
        } catch (NumberFormatException e) {
            throw new ParameterException(
                    spec.commandLine(), "--speed \"" + speed + "\" is neither a number nor max", e);
        }
    }

    private void check(boolean holds, String message) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
