package io.llmdb.tests.architecture;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.lang.reflect.Executable;
import java.lang.reflect.Parameter;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Conditions that ArchUnit does not bring. */
final class Conditions {

    private static final Pattern MONEY = Pattern.compile("(?i).*(spend|spent|cost|budget|price|amount|limit).*");

    private static final Set<String> FLOATING = Set.of("double", "float", "java.lang.Double", "java.lang.Float");

    private Conditions() {}

    /**
     * Holds where no public or protected member of a public class shows a type that the predicate finds. What takes or
     * gives one of our internal types is public for our own packages only, and not looked at.
     */
    static ArchCondition<JavaClass> showNo(DescribedPredicate<JavaClass> hidden) {
        return new ArchCondition<>("show no " + hidden.getDescription() + " in public signatures") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                if (!type.getModifiers().contains(JavaModifier.PUBLIC)) {
                    return;
                }
                type.getMembers().stream()
                        .filter(Conditions::isVisible)
                        .filter(member -> shown(member).noneMatch(Conditions::isInternal))
                        .forEach(member -> shown(member)
                                .flatMap(shown -> shown.getAllInvolvedRawTypes().stream())
                                .map(JavaClass::getBaseComponentType)
                                .filter(hidden)
                                .distinct()
                                .forEach(found -> events.add(SimpleConditionEvent.violated(
                                        member, member.getDescription() + " shows " + found.getName()))));
                Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream())
                        .flatMap(parent -> parent.getAllInvolvedRawTypes().stream())
                        .filter(hidden)
                        .forEach(found -> events.add(SimpleConditionEvent.violated(
                                type, type.getDescription() + " extends or implements " + found.getName())));
            }
        };
    }

    /** Holds where nothing whose name speaks of money is a floating-point number. */
    static ArchCondition<JavaClass> keepMoneyExact() {
        return new ArchCondition<>("not count money in floating point") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                type.getFields().stream()
                        .filter(field -> isMoney(field.getName()) && isFloating(field.getRawType()))
                        .forEach(field -> add(events, field));
                type.getMethods().stream()
                        .filter(method -> isMoney(method.getName()) && isFloating(method.getRawReturnType()))
                        .forEach(method -> add(events, method));
                type.getCodeUnits()
                        .forEach(unit -> parameters(unit)
                                .filter(parameter -> isMoney(parameter.getName())
                                        && FLOATING.contains(parameter.getType().getName()))
                                .forEach(parameter -> events.add(SimpleConditionEvent.violated(
                                        unit, unit.getDescription() + " has floating-point " + parameter.getName()))));
            }
        };
    }

    private static boolean isInternal(JavaType type) {
        return type.getAllInvolvedRawTypes().stream()
                .anyMatch(one -> one.getPackageName().startsWith("io.llmdb.internal"));
    }

    private static void add(ConditionEvents events, JavaMember member) {
        events.add(SimpleConditionEvent.violated(member, member.getDescription() + " is floating-point"));
    }

    private static boolean isMoney(String name) {
        return MONEY.matcher(name).matches();
    }

    private static boolean isFloating(JavaClass type) {
        return FLOATING.contains(type.getName());
    }

    private static Stream<Parameter> parameters(JavaCodeUnit unit) {
        return unit.isConstructor() || unit.isMethod()
                ? Stream.of(((Executable) unit.reflect()).getParameters())
                : Stream.empty();
    }

    private static boolean isVisible(JavaMember member) {
        Set<JavaModifier> modifiers = member.getModifiers();
        return (modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED))
                && !modifiers.contains(JavaModifier.SYNTHETIC);
    }

    private static Stream<JavaType> shown(JavaMember member) {
        if (member instanceof JavaField field) {
            return Stream.of(field.getType());
        }
        JavaCodeUnit unit = (JavaCodeUnit) member;
        return Stream.of(
                Stream.of(unit.getReturnType()),
                unit.getParameterTypes().stream(),
                unit.getTypeParameters().stream().flatMap(variable -> variable.getUpperBounds().stream()),
                unit.getThrowsClause().stream().map(thrown -> (JavaType) thrown.getRawType()))
                .flatMap(types -> types)
                .collect(Collectors.toSet())
                .stream();
    }
}
