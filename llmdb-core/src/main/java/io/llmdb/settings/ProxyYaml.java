package io.llmdb.settings;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.ComposerException;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.parser.Parser;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * The proxy's YAML, as far as it is ours: names, values and lines, not yet understood. Never shows a line of the file
 * in a message.
 */
final class ProxyYaml {

    /** A key and what stands behind it. */
    record Entry(String name, Node value, String file, int line) {
        SettingSource source() {
            return SettingSource.file(file, line);
        }
    }

    private static final String INCLUDE = "include";
    private static final String VARIABLES = "environment_variables";

    private final List<SettingProblem> problems;
    private final List<SettingProblem> warnings;
    private final Map<String, Entry> topLevel = new LinkedHashMap<>();

    private ProxyYaml(List<SettingProblem> problems, List<SettingProblem> warnings) {
        this.problems = problems;
        this.warnings = warnings;
    }

    static ProxyYaml read(Path path, List<SettingProblem> problems, List<SettingProblem> warnings) {
        ProxyYaml yaml = new ProxyYaml(problems, warnings);
        String name = String.valueOf(path.getFileName());
        String text = yaml.load(path, name, SettingSource.file(name, 0));
        if (text != null) {
            yaml.topLevel.putAll(yaml.compose(text, name));
            yaml.include(path.toAbsolutePath().getParent());
        }
        return yaml;
    }

    static ProxyYaml read(String text, String name, List<SettingProblem> problems, List<SettingProblem> warnings) {
        ProxyYaml yaml = new ProxyYaml(problems, warnings);
        yaml.topLevel.putAll(yaml.compose(text, name));
        yaml.include(null);
        return yaml;
    }

    /** The top-level keys. */
    Map<String, Entry> topLevel() {
        return topLevel;
    }

    /** The entries of one top-level mapping; none where it is absent. */
    List<Entry> section(String name) {
        Entry section = topLevel.get(name);
        if (section == null || section.value().getTag().equals(Tag.NULL)) {
            return List.of();
        }
        if (section.value() instanceof MappingNode mapping) {
            return entries(mapping, section.file());
        }
        problems.add(new SettingProblem(
                name, null, section.source(), "must be a mapping of names to values, but is " + kind(section.value())));
        return List.of();
    }

    /** What the file would have in the environment. */
    Map<String, Entry> environmentVariables() {
        Map<String, Entry> variables = new LinkedHashMap<>();
        Entry section = topLevel.get(VARIABLES);
        if (section != null && section.value() instanceof MappingNode mapping) {
            entries(mapping, section.file()).forEach(entry -> variables.put(entry.name(), entry));
        }
        return variables;
    }

    static String kind(Node node) {
        return switch (node.getNodeType()) {
            case MAPPING -> "a mapping";
            case SEQUENCE -> "a list";
            case SCALAR -> "a single value";
            case ANCHOR -> "an alias";
        };
    }

    private @Nullable String load(Path path, String name, SettingSource source) {
        try {
            byte[] bytes = Files.readAllBytes(path);
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            problems.add(new SettingProblem(name, null, source, path + " is no UTF-8 text"));
        } catch (NoSuchFileException e) {
            problems.add(new SettingProblem(name, null, source, path.toAbsolutePath() + " does not exist"));
        } catch (IOException e) {
            problems.add(new SettingProblem(
                    name,
                    null,
                    source,
                    path.toAbsolutePath()
                            + (Files.isDirectory(path)
                                    ? " is a directory"
                                    : " cannot be read (" + e.getClass().getSimpleName() + ")")));
        }
        return null;
    }

    private Map<String, Entry> compose(String text, String name) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(name)
                .setSchema(new CoreSchema())
                // Models share anchors in large files; nodes are composed once, so that aliases cost nothing.
                .setMaxAliasesForCollections(Integer.MAX_VALUE)
                .setCodePointLimit(Integer.MAX_VALUE)
                .setAllowNonScalarKeys(true)
                .build();
        Map<String, Entry> entries = new LinkedHashMap<>();
        Optional<Node> root;
        try {
            refuseCycles(settings, text);
            root = new Composer(settings, parser(settings, text)).getSingleNode();
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(0);
            problems.add(new SettingProblem(
                    name, null, SettingSource.file(name, line), "is not valid YAML: " + e.getProblem()));
            return entries;
        } catch (ReaderException e) {
            int line = 1
                    + (int) text.codePoints()
                            .limit(e.getPosition())
                            .filter(c -> c == '\n')
                            .count();
            problems.add(new SettingProblem(
                    name,
                    null,
                    SettingSource.file(name, line),
                    String.format(
                            Locale.ROOT,
                            "is not valid YAML: it must not contain the character U+%04X",
                            e.getCodePoint())));
            return entries;
        } catch (YamlEngineException e) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            problems.add(new SettingProblem(name, null, SettingSource.file(name, 0), "is not valid YAML: " + reason));
            return entries;
        }
        if (root.isEmpty() || root.get().getTag().equals(Tag.NULL)) {
            warnings.add(new SettingProblem(name, null, SettingSource.file(name, 0), "is empty"));
        } else if (root.get() instanceof MappingNode mapping) {
            for (Entry entry : entries(mapping, name)) {
                Entry before = entries.put(entry.name(), entry);
                if (before != null && isOurs(entry.name())) {
                    problems.add(twice(entry.name(), before, entry));
                }
            }
        } else {
            problems.add(new SettingProblem(
                    name,
                    null,
                    SettingSource.file(name, 1),
                    "must be a mapping of sections such as general_settings, but is " + kind(root.get())));
        }
        return entries;
    }

    /** The library never comes back from a mapping that is merged into itself. */
    private static void refuseCycles(LoadSettings settings, String text) {
        Deque<Optional<Anchor>> open = new ArrayDeque<>();
        Parser events = parser(settings, text);
        while (events.hasNext()) {
            Event event = events.next();
            if (event instanceof CollectionStartEvent start) {
                open.push(start.getAnchor());
            } else if (event instanceof CollectionEndEvent) {
                open.pop();
            } else if (event instanceof AliasEvent alias && open.contains(Optional.of(alias.getAlias()))) {
                throw new ComposerException("an alias stands within what it is an alias of", event.getStartMark());
            }
        }
    }

    /** By its parts, because the library's module does not export the classes that put them together. */
    private static Parser parser(LoadSettings settings, String text) {
        return new ParserImpl(settings, new StreamReader(settings, text));
    }

    static SettingProblem twice(String setting, Entry before, Entry entry) {
        return new SettingProblem(
                setting,
                null,
                entry.source(),
                "stands twice, first in line " + before.line() + "; YAML keeps only one: remove the other");
    }

    private static boolean isOurs(String topLevelName) {
        return Section.named(topLevelName) != null || topLevelName.equals(INCLUDE) || topLevelName.equals(VARIABLES);
    }

    /** LiteLLM lets a section of an included file take the place of the same section here. */
    private void include(@Nullable Path directory) {
        Entry include = topLevel.get(INCLUDE);
        if (include == null) {
            return;
        }
        if (!(include.value() instanceof SequenceNode files)) {
            problems.add(new SettingProblem(
                    INCLUDE, null, include.source(), "must be a list of files, but is " + kind(include.value())));
            return;
        }
        for (Node file : files.getValue()) {
            if (!(file instanceof ScalarNode scalar)) {
                problems.add(new SettingProblem(
                        INCLUDE, null, include.source(), "must be a list of files, but has " + kind(file) + " in it"));
            } else if (directory == null) {
                warnings.add(new SettingProblem(
                        INCLUDE,
                        scalar.getValue(),
                        include.source(),
                        "is not read, because the settings were not given as a file"));
            } else {
                String text = load(directory.resolve(scalar.getValue()), INCLUDE, include.source());
                if (text != null) {
                    topLevel.putAll(compose(text, scalar.getValue()));
                }
            }
        }
    }

    private static List<Entry> entries(MappingNode mapping, String file) {
        List<Entry> entries = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            if (tuple.getKeyNode() instanceof ScalarNode key) {
                int line = key.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
                entries.add(new Entry(key.getValue(), tuple.getValueNode(), file, line));
            }
        }
        return entries;
    }
}
