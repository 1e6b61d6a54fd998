package io.llmdb.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Warns of names that are probably meant to be settings of ours and are not. Most of the proxy's file is other
 * people's, so that outside of {@code llmdb} only near misses count.
 */
final class UnknownNames {

    /** Other people's names that are near ours. */
    private static final Set<String> NOT_OURS = Set.of("router_settings", "max_end_user_budget");

    private final List<SettingProblem> warnings;

    UnknownNames(List<SettingProblem> warnings) {
        this.warnings = warnings;
    }

    void lookAtTopLevel(Map<String, ProxyYaml.Entry> topLevel) {
        List<String> sections = new ArrayList<>();
        for (Section section : Section.values()) {
            sections.addAll(section.names());
        }
        for (ProxyYaml.Entry entry : topLevel.values()) {
            String name = entry.name();
            if (sections.contains(name) || NOT_OURS.contains(name)) {
                continue;
            }
            Setting<?> setting = Known.named(name);
            String section = name.startsWith("llmdb") ? "llmdb" : Nearest.slip(name, sections);
            if (setting != null && name.contains("_")) {
                warn(entry, name, misplaced(setting));
            } else if (section != null) {
                warn(entry, name, "is not a known section; did you mean " + section + "?");
            }
        }
    }

    void lookAt(Section section, String sectionName, ProxyYaml.Entry entry) {
        String name = entry.name();
        if (Known.named(section, name) != null || NOT_OURS.contains(name)) {
            return;
        }
        String qualified = sectionName + "." + name;
        Setting<?> elsewhere = Known.named(name);
        if (elsewhere != null) {
            warn(entry, qualified, misplaced(elsewhere));
            return;
        }
        List<String> here = Known.names(section);
        if (section == Section.LLMDB) {
            warn(entry, qualified, "is not a known setting" + Nearest.suggestion(name, here));
            return;
        }
        String near = Nearest.slip(name, here);
        if (near != null) {
            warn(entry, qualified, "is not a known setting; did you mean " + near + "?");
        }
    }

    void lookAtEnvironment(Map<String, String> environment) {
        List<String> known =
                Known.ALL.stream().map(setting -> setting.variables().get(0)).toList();
        for (String name : environment.keySet()) {
            String near = name.startsWith(Setting.VARIABLE_PREFIX) && !known.contains(name)
                    ? Nearest.slip(name, known)
                    : null;
            if (near != null) {
                warnings.add(new SettingProblem(
                        name,
                        null,
                        SettingSource.environment(name),
                        "is not a known setting; did you mean " + near + "?"));
            }
        }
    }

    private void warn(ProxyYaml.Entry entry, String setting, String message) {
        warnings.add(new SettingProblem(setting, null, entry.source(), message));
    }

    private static String misplaced(Setting<?> setting) {
        String variable = setting.variables().get(0);
        return setting.section() == Section.ENVIRONMENT
                ? "is a secret and not read from a file; set the environment variable " + variable
                : "is not read here; it belongs under "
                        + String.join(" or ", setting.section().names());
    }
}
