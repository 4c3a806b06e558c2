//! Codes as cameras see them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::{ProptestConfig, any, proptest};

use super::code;
use super::drawing::Scene;
use crate::camera::picture::Picture;
use crate::camera::search::{codes, is_engagement};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

fn scene(code: f64, degrees: f64) -> Scene {
    Scene::turned(WIDTH, HEIGHT, code, degrees)
}

/// What one of a few pictures gives: a hand is never still, and the library misses a code at some angles.
fn read(scene: &Scene, text: &str) -> Vec<String> {
    let pictures = (0..6).map(|moment| {
        let held = moved(scene, f64::from(moment));
        texts(held.width, held.height, held.draw(text))
    });
    pictures
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// As a hand holds it a moment later.
fn moved(scene: &Scene, moment: f64) -> Scene {
    let (sin, cos) = (moment * 1.3).to_radians().sin_cos();
    let (x, y) = (scene.width as f64 / 2.0, scene.height as f64 / 2.0);
    let turn = |(across, down): (f64, f64)| {
        let (across, down) = (across - x, down - y);
        (x + across * cos - down * sin, y + across * sin + down * cos)
    };
    Scene {
        corners: scene.corners.map(turn),
        ..scene.clone()
    }
}

fn texts(width: usize, height: usize, pixels: Vec<u8>) -> Vec<String> {
    let picture = Picture::new(width, height, pixels).unwrap();
    codes(&picture).iter().map(|code| code.to_string()).collect()
}

/// The other side of a screen, or the picture of a camera for selfies.
fn mirrored(scene: &Scene) -> Scene {
    let [a, b, c, d] = scene.corners;
    Scene {
        corners: [b, a, d, c],
        ..scene.clone()
    }
}

/// Dark mode.
fn inverted(scene: &Scene) -> Scene {
    Scene {
        light: scene.dark,
        dark: scene.light,
        ..scene.clone()
    }
}

#[test]
fn a_code_is_read_as_it_is_held() {
    let text = code('A');
    let mut missed = Vec::new();
    let side = Scene {
        // Seen from the left and below.
        corners: [(200.0, 40.0), (430.0, 80.0), (420.0, 290.0), (190.0, 330.0)],
        ..scene(0.0, 0.0)
    };
    for (name, scene) in [
        ("straight", scene(260.0, 0.0)),
        ("turned by 20 degrees", scene(260.0, 20.0)),
        ("turned by 45 degrees", scene(250.0, 45.0)),
        ("upside down", scene(260.0, 180.0)),
        ("from the side", side.clone()),
        ("a small part of the picture", scene(150.0, 7.0)),
        ("all of the picture", scene(358.0, 0.0)),
        (
            "blurred",
            Scene {
                blur: 1,
                ..scene(260.0, 10.0)
            },
        ),
        (
            "of low contrast",
            Scene {
                light: 130.0,
                dark: 95.0,
                ..scene(260.0, 5.0)
            },
        ),
        (
            "of a bright screen",
            Scene {
                light: 255.0,
                dark: 150.0,
                around: 20.0,
                ..scene(260.0, 5.0)
            },
        ),
        (
            "of a dim screen",
            Scene {
                light: 40.0,
                dark: 8.0,
                around: 10.0,
                ..scene(260.0, 5.0)
            },
        ),
        (
            "noisy",
            Scene {
                noise: 12.0,
                ..scene(260.0, 5.0)
            },
        ),
        (
            "with moiré",
            Scene {
                moire: 45.0,
                ..scene(260.0, 5.0)
            },
        ),
        (
            "lit from the side",
            Scene {
                slope: 200.0,
                light: 200.0,
                dark: 80.0,
                ..scene(260.0, 5.0)
            },
        ),
        ("in a mirror", mirrored(&scene(260.0, 10.0))),
        ("light on dark", inverted(&scene(260.0, 10.0))),
        ("light on dark in a mirror", mirrored(&inverted(&side))),
        (
            "light on dark, blurred and noisy",
            Scene {
                blur: 1,
                noise: 15.0,
                ..inverted(&scene(260.0, 20.0))
            },
        ),
    ] {
        if read(&scene, &text) != [text.as_str()] {
            missed.push(name);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn what_is_no_code_gives_none() {
    let (straight, text) = (scene(260.0, 10.0), code('B'));
    assert_eq!(read(&straight, &text), [text.as_str()], "the untouched twin");
    let none = Vec::<String>::new();
    // A third of the modules are beyond what the code can correct.
    let covered = Scene {
        covered_from: 60.0,
        ..straight.clone()
    };
    assert_eq!(read(&covered, &text), none, "covered");
    let cut = Scene {
        corners: straight.corners.map(|(x, y)| (x, y + 200.0)),
        ..straight.clone()
    };
    assert_eq!(read(&cut, &text), none, "half outside");
    let blurred = Scene {
        blur: 8,
        ..straight.clone()
    };
    assert_eq!(read(&blurred, &text), none, "too blurred");
    for level in [0, 128, 255] {
        assert_eq!(
            texts(WIDTH, HEIGHT, vec![level; WIDTH * HEIGHT]),
            none,
            "grey of {level}"
        );
    }
    let stripes = (0..WIDTH * HEIGHT)
        .map(|index| if index % 8 < 4 { 0 } else { 255 })
        .collect();
    assert_eq!(texts(WIDTH, HEIGHT, stripes), none, "stripes");
}

#[test]
fn another_code_beside_it_hides_none() {
    let (poster, phone) = ("https://shop.example/", code('C'));
    for is_inverted in [false, true] {
        let place = |scene: Scene, by: f64| Scene {
            corners: scene.corners.map(|(x, y)| (x + by, y)),
            ..scene
        };
        let left = place(scene(150.0, 3.0), -200.0);
        let right = place(scene(280.0, 0.0), 130.0);
        let right = if is_inverted { inverted(&right) } else { right };
        let mut picture = vec![90.0; WIDTH * HEIGHT];
        left.draw_into(poster, &mut picture);
        right.draw_into(&phone, &mut picture);
        let mut found = texts(WIDTH, HEIGHT, right.finish(&picture));
        found.sort();
        assert_eq!(found, [poster, &phone], "inverted: {is_inverted}");
    }
}

#[test]
fn only_the_scheme_of_documents_is_an_engagement() {
    assert!(is_engagement(&code('D')) && is_engagement("MDOC:x"));
    for other in [
        "https://shop.example/",
        "mdoc",
        "",
        "mdo:x",
        " mdoc:x",
        "ｍdoc:x",
        "4901234567894",
    ] {
        assert!(!is_engagement(other), "{other}");
    }
    assert!(is_engagement(&format!("mdoc:{}", "A".repeat(4091))));
    assert!(!is_engagement(&format!("mdoc:{}", "A".repeat(4092))), "too long");
}

/// Finder patterns of so many pixels a module, one beside the other.
fn finder_patterns(module: usize, count: usize) -> Vec<u8> {
    let pitch = module * 9;
    let across = WIDTH / pitch;
    let is_dark = |x: usize, y: usize| {
        let (column, row) = (x / pitch, y / pitch);
        let (x, y) = (x % pitch / module, y % pitch / module);
        let ring = x.min(y).min(6_usize.wrapping_sub(x)).min(6_usize.wrapping_sub(y));
        row * across + column < count && column < across && x < 7 && y < 7 && ring != 1
    };
    (0..WIDTH * HEIGHT)
        .map(|index| {
            if is_dark(index % WIDTH, index / WIDTH) {
                10
            } else {
                240
            }
        })
        .collect()
}

#[test]
fn a_picture_full_of_finder_patterns_is_not_searched() {
    use crate::camera::bitmap::{Polarity, Surroundings, WIDE};
    for (module, count, expected) in [
        (3, 0, 0),
        (3, 1, 1),
        (3, 9, 9),
        (3, 127, 127),
        (3, 1000, 128),
        (1, 10_000, 128),
    ] {
        let picture = Picture::new(WIDTH, HEIGHT, finder_patterns(module, count)).unwrap();
        let bitmap = Surroundings::new(&picture, WIDE).bitmap(&picture, Polarity::Dark);
        assert_eq!(
            bitmap.finder_patterns(128),
            expected,
            "{count} of {module} pixels"
        );
    }
    // The work that this spares takes minutes.
    assert_eq!(
        texts(WIDTH, HEIGHT, finder_patterns(1, 10_000)),
        Vec::<String>::new()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_picture_is_searched_without_harm(
        width in 21..80_usize, height in 21..80_usize, seed in any::<u64>(), block in 1..6_usize,
    ) {
        let mut state = seed | 1;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u8::try_from(state >> 56).unwrap()
        };
        let blocks: Vec<u8> = (0..80 * 80).map(|_| random()).collect();
        let pixels = (0..width * height).map(|index| blocks[index / width / block * 80 + index % width / block]).collect();
        texts(width, height, pixels);
    }

    #[test]
    fn a_code_with_other_pixels_in_it_gives_its_text_or_none(
        x in 0..300_usize, y in 0..300_usize, side in 1..120_usize, level in any::<u8>(), seed in any::<u64>(),
    ) {
        let scene = Scene::turned(300, 300, 290.0, f64::from(u8::try_from(seed % 90).unwrap()));
        let mut pixels = scene.draw("mdoc:AA");
        for (index, pixel) in pixels.iter_mut().enumerate() {
            let (column, row) = (index % 300, index / 300);
            if (x..x + side).contains(&column) && (y..y + side).contains(&row) {
                *pixel = level ^ u8::try_from((seed >> (index % 57)) & 0xff).unwrap();
            }
        }
        let found = texts(300, 300, pixels);
        assert!(found.is_empty() || found == ["mdoc:AA"], "{found:?}");
    }
}
