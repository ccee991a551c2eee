<?php
// Prints what PHP writes again, a JSON line for each: `php make-php.php < originals.json > php.jsonl`.
// null is written where PHP reads or writes no JSON. serialize_precision is PHP's own default, which php.ini-* repeat.
ini_set('serialize_precision', '-1');

$originals = json_decode(stream_get_contents(STDIN));
$styles = [
    'PHP json_encode' => 0,
    'PHP json_encode, slashes unescaped' => JSON_UNESCAPED_SLASHES,
    'PHP json_encode, Unicode unescaped' => JSON_UNESCAPED_UNICODE,
    'PHP json_encode, slashes and Unicode unescaped' => JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE,
    'PHP json_encode, zero fractions preserved' => JSON_PRESERVE_ZERO_FRACTION,
    'PHP json_encode, pretty' => JSON_PRETTY_PRINT,
    'PHP json_encode, pretty, slashes unescaped' => JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES,
    'PHP json_encode, pretty, slashes and Unicode unescaped' => JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE,
];

function write($style, $name, $text) {
    echo json_encode(['style' => $style, 'name' => $name, 'text' => $text === false ? null : $text]), "\n";
}

foreach ($styles as $style => $flags) {
    foreach ($originals as $original) {
        $value = json_decode($original->body);
        write($style, $original->name, json_last_error() ? null : json_encode($value, $flags));
    }
}
foreach ($originals as $original) {
    $value = json_decode($original->body, true);
    write('PHP json_encode of arrays', $original->name, json_last_error() ? null : json_encode($value));
}
