package io.llmdb.settings;

import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Everything that can be set, checked as a whole.
 *
 * <p>A value is taken from the first of these that has one: the builder, the proxy's YAML, the environment, the
 * default. In the YAML, ours are {@code general_settings}, {@code llm_settings} or {@code litellm_settings} (the first
 * wins), and {@code llmdb}; the rest is left alone. A value {@code os.environ/NAME} there is the environment
 * variable's. From the environment, every setting is read as {@code LLMDB_} and its name in capitals; a few also as
 * LiteLLM names them, such as {@code DATABASE_URL}.
 *
 * <p>Wrong settings are all told at once by {@link InvalidSettingsException}; odd ones are {@linkplain #warnings()
 * warnings}. What the YAML sets is checked even where the builder sets it too; the environment's is checked where it is
 * used.
 *
 * <p>Immutable. {@code toString} and everything else made for people masks secrets.
 */
public final class LlmDbSettings {

    private final ConnectionSettings connection;
    private final LogSettings logs;
    private final DeliverySettings delivery;
    private final BudgetSettings budgets;
    private final CacheSettings caches;
    private final ModelSettings models;
    private final AuditSettings audit;
    private final List<SettingProblem> warnings;
    private final List<EffectiveSetting> effective;

    private LlmDbSettings(Values values, List<SettingProblem> warnings) {
        this.connection = ConnectionSettings.of(values);
        this.logs = LogSettings.of(values);
        this.delivery = DeliverySettings.of(values);
        this.budgets = BudgetSettings.of(values);
        this.caches = CacheSettings.of(values);
        this.models = ModelSettings.of(values);
        this.audit = AuditSettings.of(values);
        this.warnings = List.copyOf(warnings);
        this.effective = values.effective();
    }

    /**
     * Reads the proxy's YAML, and from the environment what it does not set.
     *
     * @param file the proxy's YAML, in UTF-8; the files that it includes are looked for beside it
     * @return the settings
     * @throws InvalidSettingsException where the file cannot be read or a setting is wrong
     */
    public static LlmDbSettings fromYaml(Path file) {
        return builder().yaml(file).environment().build();
    }

    /**
     * Reads the proxy's YAML, and from the environment what it does not set.
     *
     * @param yaml the YAML itself
     * @param name what messages call it
     * @return the settings
     * @throws InvalidSettingsException where a setting is wrong
     */
    public static LlmDbSettings fromYaml(String yaml, String name) {
        return builder().yaml(yaml, name).environment().build();
    }

    /**
     * Reads the proxy's YAML, and from the environment what it does not set.
     *
     * @param yaml gives the YAML; read to its end and not closed
     * @param name what messages call it
     * @return the settings
     * @throws InvalidSettingsException where it cannot be read or a setting is wrong
     */
    public static LlmDbSettings fromYaml(Reader yaml, String name) {
        StringWriter text = new StringWriter();
        try {
            yaml.transferTo(text);
        } catch (IOException e) {
            throw new InvalidSettingsException(
                    List.of(new SettingProblem(
                            name,
                            null,
                            SettingSource.file(name, 0),
                            "cannot be read (" + e.getClass().getSimpleName() + ")")),
                    List.of());
        }
        return fromYaml(text.toString(), name);
    }

    /**
     * Reads the environment alone.
     *
     * @return the settings
     * @throws InvalidSettingsException where a setting is wrong
     */
    public static LlmDbSettings fromEnvironment() {
        return builder().environment().build();
    }

    /**
     * Sets from the application, and optionally from YAML and environment beneath. By itself it reads neither.
     *
     * @return a builder in which nothing is set
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * How the database is reached.
     *
     * @return these settings
     */
    public ConnectionSettings connection() {
        return connection;
    }

    /**
     * What is kept of finished requests.
     *
     * @return these settings
     */
    public LogSettings logs() {
        return logs;
    }

    /**
     * How finished requests get into the database.
     *
     * @return these settings
     */
    public DeliverySettings delivery() {
        return delivery;
    }

    /**
     * The whole proxy's budget and the rules for all.
     *
     * @return these settings
     */
    public BudgetSettings budgets() {
        return budgets;
    }

    /**
     * What is kept in memory.
     *
     * @return these settings
     */
    public CacheSettings caches() {
        return caches;
    }

    /**
     * Models in the database.
     *
     * @return these settings
     */
    public ModelSettings models() {
        return models;
    }

    /**
     * The audit log.
     *
     * @return these settings
     */
    public AuditSettings audit() {
        return audit;
    }

    /**
     * What is odd: unknown names with the nearest known one, values that are not used, settings that hardly mean what
     * they say.
     *
     * @return the warnings, to be logged once at the start
     */
    public List<SettingProblem> warnings() {
        return warnings;
    }

    /**
     * Every setting as it holds.
     *
     * @return name, value and source of each, secrets masked, to be logged once at the start
     */
    public List<EffectiveSetting> effective() {
        return effective;
    }

    /**
     * The database's URL, for a caller that brings no data source.
     *
     * @return the URL
     * @throws InvalidSettingsException where none is set
     */
    public DatabaseUrl requireDatabaseUrl() {
        DatabaseUrl url = connection.databaseUrl();
        if (url == null) {
            throw new InvalidSettingsException(
                    List.of(new SettingProblem(
                            Known.DATABASE_URL.qualifiedName(),
                            null,
                            SettingSource.DEFAULT,
                            "is not set: set it in the YAML, or DATABASE_URL in the environment, to "
                                    + Known.DATABASE_URL.type().allowed())),
                    warnings);
        }
        return url;
    }

    /**
     * What is set, for people.
     *
     * @return the settings that are not left at their default, secrets masked
     */
    @Override
    public String toString() {
        return effective.stream()
                .filter(setting -> setting.source().kind() != SettingSource.Kind.DEFAULT)
                .map(EffectiveSetting::toString)
                .collect(Collectors.joining(", ", "LlmDbSettings[", "]"));
    }

    /** Collects settings. Not safe for use by several threads. */
    public static final class Builder {

        private interface YamlSource {
            ProxyYaml read(List<SettingProblem> problems, List<SettingProblem> warnings);
        }

        private final Overrides overrides = new Overrides();
        private @Nullable YamlSource yaml;
        private @Nullable Map<String, String> environment;

        private Builder() {}

        /**
         * Takes from this file what the builder does not set.
         *
         * @param file the proxy's YAML; takes the place of one given before
         * @return this
         */
        public Builder yaml(Path file) {
            Objects.requireNonNull(file, "file");
            this.yaml = (problems, warnings) -> ProxyYaml.read(file, problems, warnings);
            return this;
        }

        /**
         * Takes from this YAML what the builder does not set.
         *
         * @param text the YAML itself; takes the place of one given before
         * @param name what messages call it
         * @return this
         */
        public Builder yaml(String text, String name) {
            Objects.requireNonNull(text, "text");
            Objects.requireNonNull(name, "name");
            this.yaml = (problems, warnings) -> ProxyYaml.read(text, name, problems, warnings);
            return this;
        }

        /**
         * Takes from this process's environment what neither builder nor YAML sets. {@code os.environ/NAME} in the YAML
         * is looked up there without this call too.
         *
         * @return this
         */
        public Builder environment() {
            return environment(System.getenv());
        }

        /**
         * Takes from these variables what neither builder nor YAML sets, and what {@code os.environ/NAME} in the YAML
         * names.
         *
         * @param variables name → value; takes the place of the process's environment
         * @return this
         */
        public Builder environment(Map<String, String> variables) {
            this.environment = Map.copyOf(variables);
            return this;
        }

        /**
         * How the database is reached.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder connection(Consumer<ConnectionSettings.Builder> change) {
            change.accept(new ConnectionSettings.Builder(overrides));
            return this;
        }

        /**
         * What is kept of finished requests.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder logs(Consumer<LogSettings.Builder> change) {
            change.accept(new LogSettings.Builder(overrides));
            return this;
        }

        /**
         * How finished requests get into the database.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder delivery(Consumer<DeliverySettings.Builder> change) {
            change.accept(new DeliverySettings.Builder(overrides));
            return this;
        }

        /**
         * The whole proxy's budget and the rules for all.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder budgets(Consumer<BudgetSettings.Builder> change) {
            change.accept(new BudgetSettings.Builder(overrides));
            return this;
        }

        /**
         * What is kept in memory.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder caches(Consumer<CacheSettings.Builder> change) {
            change.accept(new CacheSettings.Builder(overrides));
            return this;
        }

        /**
         * Models in the database.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder models(Consumer<ModelSettings.Builder> change) {
            change.accept(new ModelSettings.Builder(overrides));
            return this;
        }

        /**
         * The audit log.
         *
         * @param change sets what is to be set
         * @return this
         */
        public Builder audit(Consumer<AuditSettings.Builder> change) {
            change.accept(new AuditSettings.Builder(overrides));
            return this;
        }

        /**
         * Reads what is to be read and checks all of it together.
         *
         * @return the settings
         * @throws InvalidSettingsException where anything is wrong, with all that is
         */
        public LlmDbSettings build() {
            List<SettingProblem> problems = new ArrayList<>();
            List<SettingProblem> warnings = new ArrayList<>();
            ProxyYaml file = yaml == null ? null : yaml.read(problems, warnings);
            // Without the file's contents, whatever else seems missing may be in it.
            throwIfAny(problems, warnings);
            Values values = new Resolver(
                            overrides,
                            file,
                            environment == null ? System.getenv() : environment,
                            environment != null,
                            problems,
                            warnings)
                    .resolve();
            throwIfAny(problems, warnings);
            return new LlmDbSettings(values, warnings);
        }

        private static void throwIfAny(List<SettingProblem> problems, List<SettingProblem> warnings) {
            if (!problems.isEmpty()) {
                throw new InvalidSettingsException(problems, warnings);
            }
        }
    }
}
