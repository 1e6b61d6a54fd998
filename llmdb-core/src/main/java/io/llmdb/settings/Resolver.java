package io.llmdb.settings;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Finds out what every setting is: the builder's value before the file's, the file's before the environment's, that
 * before the default.
 */
final class Resolver {

    /** Begins a value that is the name of an environment variable. */
    private static final String REFERENCE = "os.environ/";

    private static final int LONGEST_SHOWN = 100;

    /** What one source says; {@code text} null: expressly nothing. */
    private record Text(@Nullable String text, SettingSource source) {}

    private final Overrides overrides;
    private final @Nullable ProxyYaml yaml;
    private final Map<String, Text> variables;
    private final boolean isEnvironmentRead;
    private final List<SettingProblem> problems;
    private final List<SettingProblem> warnings;
    private final Map<Setting<?>, List<FileEntry>> fileEntries = new HashMap<>();
    private final Values values = new Values();

    private record FileEntry(String qualifiedName, ProxyYaml.Entry entry) {}

    Resolver(
            Overrides overrides,
            @Nullable ProxyYaml yaml,
            Map<String, String> environment,
            boolean isEnvironmentRead,
            List<SettingProblem> problems,
            List<SettingProblem> warnings) {
        this.overrides = overrides;
        this.yaml = yaml;
        this.isEnvironmentRead = isEnvironmentRead;
        this.problems = problems;
        this.warnings = warnings;
        this.variables = new HashMap<>();
        if (yaml != null) {
            yaml.environmentVariables().values().forEach(this::addVariable);
        }
        environment.forEach((name, text) -> variables.put(name, new Text(text, SettingSource.environment(name))));
        if (isEnvironmentRead) {
            new UnknownNames(warnings).lookAtEnvironment(environment);
        }
    }

    /**
     * As in LiteLLM, the file's {@code environment_variables} count where the real environment has none of that name.
     */
    private void addVariable(ProxyYaml.Entry entry) {
        if (entry.value() instanceof ScalarNode scalar && !scalar.getTag().equals(Tag.NULL)) {
            variables.put(
                    entry.name(), new Text(scalar.getValue(), entry.source().through(entry.name())));
        }
    }

    Values resolve() {
        if (yaml != null) {
            sort(yaml);
        }
        for (Setting<?> setting : Known.ALL) {
            resolve(setting);
        }
        CrossChecks.run(values, problems, warnings);
        Comparator<SettingProblem> byLine = Comparator.comparing(
                        (SettingProblem problem) -> problem.source().kind() != SettingSource.Kind.FILE)
                .thenComparing(problem -> String.valueOf(problem.source().file()))
                .thenComparing(problem -> problem.source().line());
        problems.sort(byLine);
        warnings.sort(byLine);
        return values;
    }

    private void sort(ProxyYaml file) {
        UnknownNames unknownNames = new UnknownNames(warnings);
        unknownNames.lookAtTopLevel(file.topLevel());
        for (Section section : Section.values()) {
            for (String sectionName : section.names()) {
                Map<String, ProxyYaml.Entry> seen = new HashMap<>();
                for (ProxyYaml.Entry entry : file.section(sectionName)) {
                    Setting<?> setting = Known.named(section, entry.name());
                    if (setting == null) {
                        unknownNames.lookAt(section, sectionName, entry);
                        continue;
                    }
                    String qualified = sectionName + "." + entry.name();
                    ProxyYaml.Entry before = seen.put(entry.name(), entry);
                    if (before != null) {
                        problems.add(ProxyYaml.twice(qualified, before, entry));
                    } else {
                        fileEntries
                                .computeIfAbsent(setting, key -> new ArrayList<>())
                                .add(new FileEntry(qualified, entry));
                    }
                }
            }
        }
    }

    private <T> void resolve(Setting<T> setting) {
        Overrides.Given given = overrides.get(setting);
        boolean done = given != null && override(setting, given);
        // Looked at even where the builder wins, because a wrong type in the file is wrong.
        done = fromFile(setting, done) || done;
        if (!done && isEnvironmentRead) {
            done = fromEnvironment(setting);
        }
        if (!done) {
            values.put(setting, setting.defaultValue(), SettingSource.DEFAULT);
        }
    }

    // Overrides.put() ties the value's type to its setting's.
    @SuppressWarnings("unchecked")
    private <T> boolean override(Setting<T> setting, Overrides.Given given) {
        String text = given.text();
        if (text != null) {
            accept(setting, setting.qualifiedName(), text, SettingSource.BUILDER, true);
            return true;
        }
        T value = (T) given.value();
        try {
            if (value != null) {
                setting.type().check(value);
            }
            values.put(setting, value, SettingSource.BUILDER);
        } catch (BadValue e) {
            values.putBroken(setting);
            problems.add(new SettingProblem(
                    setting.qualifiedName(),
                    shown(setting.format(value)),
                    SettingSource.BUILDER,
                    String.valueOf(e.getMessage())));
        }
        return true;
    }

    private <T> boolean fromFile(Setting<T> setting, boolean isOverridden) {
        Text winner = null;
        String winnerName = "";
        for (FileEntry fileEntry : fileEntries.getOrDefault(setting, List.of())) {
            ProxyYaml.Entry entry = fileEntry.entry();
            String name = fileEntry.qualifiedName();
            if (!(entry.value() instanceof ScalarNode scalar)) {
                fail(
                        setting,
                        name,
                        null,
                        entry.source(),
                        "must be " + setting.type().allowed() + ", but is " + ProxyYaml.kind(entry.value()),
                        isOverridden);
                winner = winner == null ? new Text(null, entry.source()) : winner;
                continue;
            }
            if (scalar.getTag().equals(Tag.NULL)) {
                continue;
            }
            Text text = dereference(setting, name, scalar, entry.source(), isOverridden);
            if (text == null) {
                continue;
            }
            boolean isBareBoolean =
                    scalar.getTag().equals(Tag.BOOL) && !setting.type().isBareBooleanAllowed();
            if (isBareBoolean) {
                fail(
                        setting,
                        name,
                        scalar.getValue(),
                        text.source(),
                        "must be " + setting.type().allowed(),
                        isOverridden);
            } else {
                accept(setting, name, String.valueOf(text.text()), text.source(), !isOverridden && winner == null);
            }
            if (winner == null) {
                winner = text;
                winnerName = name;
            } else if (!String.valueOf(text.text()).equals(winner.text())) {
                warnings.add(new SettingProblem(
                        name,
                        setting.type().mask(shown(String.valueOf(text.text()))),
                        text.source(),
                        "is not used, because " + winnerName + " in line "
                                + winner.source().line() + " says otherwise and wins"));
            }
        }
        return winner != null;
    }

    /** The scalar's text, or that of the variable that it names; null where there is none. */
    private @Nullable Text dereference(
            Setting<?> setting, String name, ScalarNode scalar, SettingSource source, boolean isOverridden) {
        String text = scalar.getValue().strip();
        if (!text.startsWith(REFERENCE)) {
            return new Text(text, source);
        }
        String variable = text.substring(REFERENCE.length());
        Text found = variables.get(variable);
        if (found != null && found.text() != null && !found.text().isBlank()) {
            return new Text(found.text().strip(), source.through(variable));
        }
        if (!isOverridden) {
            values.putBroken(setting);
            problems.add(new SettingProblem(
                    name,
                    text,
                    source,
                    "names an environment variable that is " + (found == null ? "not set" : "empty")));
        }
        return null;
    }

    private <T> boolean fromEnvironment(Setting<T> setting) {
        for (String variable : setting.variables()) {
            Text found = variables.get(variable);
            if (found != null && found.text() != null && !found.text().isBlank()) {
                accept(setting, setting.qualifiedName(), found.text().strip(), found.source(), true);
                return true;
            }
        }
        if (setting == Known.DATABASE_URL) {
            String url = DatabaseVariables.url(variable -> {
                Text found = variables.get(variable);
                return found == null ? null : found.text();
            });
            if (url != null) {
                accept(setting, setting.qualifiedName(), url, SettingSource.environment(DatabaseVariables.HOST), true);
                return true;
            }
        }
        return false;
    }

    /** Reads and checks a text; its value counts only where it wins. */
    private <T> void accept(Setting<T> setting, String name, String text, SettingSource source, boolean wins) {
        String lower = text.toLowerCase(Locale.ROOT);
        boolean isNone = setting.isOptional() && (text.isEmpty() || lower.equals("none") || lower.equals("null"));
        try {
            T value = isNone ? null : setting.type().parse(text);
            if (wins) {
                values.put(setting, value, source);
            }
        } catch (BadValue e) {
            fail(setting, name, text, source, String.valueOf(e.getMessage()), !wins);
        }
    }

    private <T> void fail(
            Setting<T> setting,
            String name,
            @Nullable String text,
            SettingSource source,
            String message,
            boolean isOverridden) {
        if (!isOverridden) {
            values.putBroken(setting);
        }
        problems.add(new SettingProblem(
                name, text == null ? null : shown(setting.type().mask(text)), source, message));
    }

    private static String shown(String text) {
        String printable = text.codePoints()
                .map(c -> Character.isISOControl(c) ? '\uFFFD' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return printable.length() <= LONGEST_SHOWN ? printable : printable.substring(0, LONGEST_SHOWN) + "...";
    }
}
